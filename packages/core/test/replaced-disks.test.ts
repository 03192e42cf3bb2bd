import { expect, test } from "vitest";
import { appendEntries, configurationEntry, preVote, requestVote } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// A server that comes back on a new disk has forgotten for whom it voted and what it had confirmed. The others count on it again once a configuration
// names that disk. What if they do not know that yet, or it comes across its own past?

/** Server 0, started with an empty list of peers, as whoever joins a cluster that is there already. */
function joiner(members: Readonly<Record<number, string>> = {}): Solo {
  const log = Object.keys(members).map(() => 1);
  return new Solo({ log, members, config: { peers: [], incarnation: "new" } });
}

function grants(server: Solo): boolean[] {
  const answers = server.receive(
    preVote([5, 1], { term: 1, sequence: 1 }),
    requestVote([5, 1], { term: 2, sequence: 2 }),
  );
  return answers.flatMap((answer) => ("voteGranted" in answer ? [answer.voteGranted] : []));
}

test("on an empty disk, without having heard of its cluster, it votes for nobody", () => {
  expect(grants(joiner())).toEqual([false, false]);
});

test("by a configuration that knows it by another disk it votes for nobody", () => {
  expect(grants(joiner({ 1: "0@old 1@one 2@two" }))).toEqual([false, false]);
});

test.each(["0@new 1 2", "0@new:promotable 1 2", "0 1 2"])(
  "by a configuration that knows it as it is, or by no disk, it votes: %s",
  (members) => {
    expect(grants(joiner({ 1: members }))).toEqual([true, true]);
  },
);

test("a configuration that is not committed does not take away the vote that an earlier one gives", () => {
  // Candidates that lack entry 2 may need it (4.2.2).
  expect(grants(joiner({ 1: "0@new 1 2", 2: "1 2" }))).toEqual([true, true]);
});

test("it does not stand for election where the log tells of its former life", () => {
  const server = joiner();
  // "Server 0 alone": when this was written, that was another disk.
  const past = configurationEntry([1, 1], "0@old");
  server.receive({ ...appendEntries([0, 0], [], { term: 3, leaderCommit: 1 }), entries: [past] });
  server.tick(100);
  expect(server.state).toMatchObject({ role: "follower", term: 3 });
});

test("where the configuration knows it as it is, it does", () => {
  const server = joiner({ 1: "0@new" });
  server.tick(100);
  expect(server.state).toMatchObject({ role: "leader", term: 2 });
});
