import type { NetworkKind, Scenario } from "../../../src/scenario/index.ts";
import { mustHold } from "../../../src/violation.ts";
import { type MitScenario, raftScenario, range } from "../mit-scenario.ts";

const SNAPSHOT_EVERY = 10;
/** The most a log may take, with 32 bytes counted for each entry beside its command. */
const MAX_LOG_BYTES = 2000;

interface SnapshotCase {
  readonly network: NetworkKind;
  /** What happens to a server while the others take snapshots. */
  readonly victim: "stays" | "disconnected" | "crashed";
}

function snapshotScenario(name: string, { network, victim }: SnapshotCase): MitScenario {
  return raftScenario(name, { nodes: 3, network, snapshotEvery: SNAPSHOT_EVERY }, (s) => {
    s.one(s.newCommand(), 3);
    let leader = s.checkOneLeader();
    for (let round = 0; round < 30; round += 1) {
      // Every third time the leader itself is away.
      const away = round % 3 === 1 ? leader : s.after(leader, 1);
      const sender = round % 3 === 1 ? s.after(leader, 1) : leader;
      takeAway(s, away, victim);
      // Enough, or almost, for a snapshot.
      const many = SNAPSHOT_EVERY / 2 + s.random.integer(0, SNAPSHOT_EVERY - 1);
      for (let at = 0; at < many; at += 1) s.start(sender, s.newCommand());
      s.one(s.newCommand(), victim === "stays" ? 3 : 2);
      const logBytes = s.logBytes();
      mustHold(logBytes < MAX_LOG_BYTES, "Log Size", () => `a log has ${logBytes} bytes`);
      if (victim === "stays") continue;
      bringBack(s, away, victim);
      s.one(s.newCommand(), 3);
      leader = s.checkOneLeader();
    }
    mustHaveSnapshots(s, victim);
  });
}

function takeAway(s: Scenario, node: number, victim: SnapshotCase["victim"]): void {
  if (victim === "stays") return;
  if (victim === "disconnected") s.disconnect(node);
  else s.crash(node);
  s.one(s.newCommand(), 2);
}

function bringBack(s: Scenario, node: number, victim: SnapshotCase["victim"]): void {
  if (victim === "disconnected") s.connect(node);
  else s.restart(node);
}

/** The original passes just as well if nobody ever takes or sends a snapshot and the log is small. */
function mustHaveSnapshots(s: Scenario, victim: SnapshotCase["victim"]): void {
  for (const node of range(3)) {
    const { lastIncludedIndex } = s.inspect(node).snapshot;
    mustHold(lastIncludedIndex > 0, "Snapshots", () => `${node} has no snapshot`);
  }
  mustHold(victim === "stays" || s.installs > 0, "Snapshots", () => "nobody ever needed one from another");
}

const reliable = "reliable";
const unreliable = "unreliable";

export const SNAPSHOTS: readonly MitScenario[] = [
  snapshotScenario("TestSnapshotBasic2D", { network: reliable, victim: "stays" }),
  snapshotScenario("TestSnapshotInstall2D", { network: reliable, victim: "disconnected" }),
  snapshotScenario("TestSnapshotInstallUnreliable2D", { network: unreliable, victim: "disconnected" }),
  snapshotScenario("TestSnapshotInstallCrash2D", { network: reliable, victim: "crashed" }),
  snapshotScenario("TestSnapshotInstallUnCrash2D", { network: unreliable, victim: "crashed" }),
];
