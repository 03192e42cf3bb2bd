import { ELECTION_MS, type Scenario } from "../../../src/scenario/index.ts";
import { type MitScenario, raftScenario, range } from "../mit-scenario.ts";

// Where the labs' crash keeps everything, here it loses what the disk has not confirmed.

const persist1 = raftScenario("TestPersist12C", { nodes: 3 }, (s) => {
  s.one(s.newCommand(), 3);
  s.restart(0, 1, 2);
  s.one(s.newCommand(), 3);

  const first = s.checkOneLeader();
  s.disconnect(first);
  s.restart(first);
  s.connect(first);
  s.one(s.newCommand(), 3);

  const second = s.checkOneLeader();
  s.disconnect(second);
  const index = s.one(s.newCommand(), 2);
  s.restart(second);
  s.connect(second);
  // It must catch up before another leader is killed.
  s.waitFor(index, 3);

  const follower = s.after(s.checkOneLeader(), 1);
  s.disconnect(follower);
  s.one(s.newCommand(), 2);
  s.restart(follower);
  s.connect(follower);
  s.one(s.newCommand(), 3);
});

const persist2 = raftScenario("TestPersist22C", { nodes: 5 }, (s) => {
  for (let round = 0; round < 5; round += 1) {
    s.one(s.newCommand(), 5);
    const leader = s.checkOneLeader();
    const [one, two] = [s.after(leader, 1), s.after(leader, 2)];
    const [three, four] = [s.after(leader, 3), s.after(leader, 4)];
    s.disconnect(one, two);
    s.one(s.newCommand(), 3);
    s.disconnect(leader, three, four);
    s.restart(one, two);
    s.connect(one, two);
    s.runFor(ELECTION_MS);
    // With the third, which alone of the three has the last command.
    s.restart(three);
    s.connect(three);
    s.one(s.newCommand(), 3);
    s.connect(four, leader);
  }
  s.one(s.newCommand(), 5);
});

const persist3 = raftScenario("TestPersist32C", { nodes: 3 }, (s) => {
  s.one(s.newCommand(), 3);
  const leader = s.checkOneLeader();
  const [follower, away] = [s.after(leader, 1), s.after(leader, 2)];
  s.disconnect(away);
  s.one(s.newCommand(), 2);
  s.crash(leader, follower);
  s.connect(away);
  s.restart(leader);
  s.one(s.newCommand(), 2);
  s.restart(follower);
  s.one(s.newCommand(), 3);
});

/** Gives every server a command. Returns the last one that led and is connected, null if none. */
function startEverywhere(s: Scenario): number | null {
  let leader: number | null = null;
  for (const node of range(s.size)) {
    if (s.start(node, s.newCommand()) !== null && s.isConnected(node)) leader = node;
  }
  return leader;
}

/** Mostly not long enough to replicate, now and then long enough to elect; and sometimes not long enough for the leader's own disk. */
function pause(s: Scenario): void {
  s.runFor(s.random.pick([0, 1, ...range(7).map(() => 13), ELECTION_MS / 2]) * s.random.unit());
}

/** Figure 8 of the paper, 3.7 of the dissertation: leaders die right after taking a command, and the next one has an older log. */
const figure8 = raftScenario("TestFigure82C", { nodes: 5 }, (s) => {
  s.one(s.newCommand(), 1);
  let up = 5;
  for (let round = 0; round < 1000; round += 1) {
    const leader = startEverywhere(s);
    pause(s);
    if (leader !== null) {
      s.crash(leader);
      up -= 1;
    }
    const node = s.randomNode();
    if (up >= 3 || s.isUp(node)) continue;
    s.restart(node);
    up += 1;
  }
  s.restart(...range(5).filter((node) => !s.isUp(node)));
  s.one(s.newCommand(), 5);
});

const figure8Unreliable = raftScenario(
  "TestFigure8Unreliable2C",
  { nodes: 5, network: "unreliable" },
  (s) => {
    s.one(s.newCommand(), 1);
    let connected = 5;
    for (let round = 0; round < 1000; round += 1) {
      if (round === 200) s.setNetwork("long-reordering");
      const leader = startEverywhere(s);
      pause(s);
      if (leader !== null && s.random.chance(0.5)) {
        s.disconnect(leader);
        connected -= 1;
      }
      const node = s.randomNode();
      if (connected >= 3 || s.isConnected(node)) continue;
      s.connect(node);
      connected += 1;
    }
    s.connect(...range(5));
    s.one(s.newCommand(), 5);
  },
);

const unreliableAgree = raftScenario("TestUnreliableAgree2C", { nodes: 5, network: "unreliable" }, (s) => {
  const concurrent = [];
  for (let round = 1; round < 50; round += 1) {
    for (let at = 0; at < 4; at += 1) concurrent.push(s.agree(s.newCommand(), 1));
    // Those of former rounds go on meanwhile.
    s.all([s.agree(s.newCommand(), 1), ...concurrent.filter((agreement) => agreement.poll() === null)]);
  }
  s.setNetwork("reliable");
  s.all(concurrent);
  s.one(s.newCommand(), 5);
});

export const PERSISTENCE: readonly MitScenario[] = [
  persist1,
  persist2,
  persist3,
  figure8,
  unreliableAgree,
  figure8Unreliable,
];
