import { expect, test } from "vitest";
import { TIMING } from "./harness/cluster.ts";
import { textOfMembers } from "./harness/members.ts";
import { appendEntries, configurationEntry, success } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, electionTimeoutTicksMax: MAX } = TIMING;

// What goes on between a leader that removes itself (dissertation, 4.2.2) and whoever it leaves behind.

const leases = { preVote: true, leaseDuration: 8 };

/** Server 0, which has just been told by leader 1 that it is alone from now on. */
function leftAlone(): Solo {
  const follower = new Solo({ size: 2, config: leases });
  const entries = [configurationEntry([1, 1], "0 1:outgoing"), configurationEntry([2, 1], "0")];
  follower.receive({ ...appendEntries([0, 0], [], { term: 1 }), entries });
  follower.receive(appendEntries([2, 1], [], { term: 1, leaderCommit: 1, sequence: 2 }));
  return follower;
}

test("who is left alone keeps the promise it gave to the leader: nobody is elected while that may have a lease", () => {
  const follower = leftAlone();
  follower.tick(TIMEOUT - 1);
  expect(follower.state).toMatchObject({ role: "follower", term: 1, leaderId: 1 });
  follower.tick(MAX);
  expect(follower.state).toMatchObject({ role: "leader", term: 2 });
});

test("also in its next life, in which it remembers no promise", () => {
  const restarted = new Solo({ log: [1, 1], members: { 1: "0 1:outgoing", 2: "0" }, config: leases });
  restarted.tick(TIMEOUT - 1);
  expect(restarted.state).toMatchObject({ role: "follower", term: 1 });
  restarted.tick(MAX);
  expect(restarted.state).toMatchObject({ role: "leader", term: 2 });
});

test("where nobody can rely on a promise, a server that starts alone leads at once", () => {
  for (const config of [leases, { preVote: true }, { preVote: false }]) {
    const alone = new Solo({ size: 1, config });
    alone.tick();
    expect(alone.state).toMatchObject({ role: "leader", term: 1 });
  }
  const restarted = new Solo({ log: [1], size: 1, config: { preVote: true } });
  restarted.tick();
  expect(restarted.state).toMatchObject({ role: "leader", term: 2 });
});

test("a leader that has removed itself goes when that is committed, and leaves the promotion of a learner to the next one", () => {
  const leader = new Solo().lead();
  const confirm = (...servers: readonly number[]): void => {
    const { term, lastLogIndex } = leader.state;
    for (const from of servers) leader.receive(success(lastLogIndex, { term, from, sequence: 2 ** 40 }));
  };
  const members = (): string => textOfMembers(leader.state.configuration.configuration);
  confirm(1, 2);
  leader.change([{ type: "addVoter", id: 3, address: "" }], null, 1);
  confirm(1, 2);
  leader.change([{ type: "remove", id: 0 }], null, 2);
  expect(members()).toBe("0:outgoing 1 2 3:promotable");
  // The learner has caught up before the removal is done.
  confirm(3);
  leader.tick();
  confirm(1, 2, 3);
  leader.tick();
  expect(members()).toBe("1 2 3:promotable");
  expect(leader.state.role).toBe("leader");
  confirm(1, 2);
  expect(members()).toBe("1 2 3:promotable");
  expect(leader.state.role).toBe("follower");
});
