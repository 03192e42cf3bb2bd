import { expect, test } from "vitest";
import { Cluster } from "../harness/cluster.ts";
import { type Position, requestVote } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

test.each<[voter: number[], candidate: Position, granted: boolean]>([
  [[], [0, 0], true],
  [[1], [0, 0], false],
  [[1], [1, 1], true],
  [[1, 1], [1, 1], false],
  [[1], [2, 1], true],
  // The later last term wins over the longer log, either way.
  [[1, 1], [1, 2], true],
  [[2], [2, 1], false],
  [[1, 1, 1, 1], [1, 2], true],
  [[3], [9, 2], false],
  [[1, 1, 2], [3, 2], true],
  [[1, 1, 2], [2, 2], false],
])("a voter with log %j and a candidate whose last entry is %j: granted is %s", (log, last, voteGranted) => {
  const server = new Solo({ log });
  const answers = server.receive(requestVote(last, { term: 9 }));
  expect(answers).toMatchObject([{ type: "requestVoteResponse", term: 9, voteGranted }]);
  expect(server.node.disk.hardState).toEqual({ term: 9, votedFor: voteGranted ? 1 : null });
});

test("a voter whose log is all in its snapshot compares with the snapshot's end", () => {
  const server = new Solo({ snapshot: [5, 2] });
  expect(server.receive(requestVote([4, 2], { term: 3 }))).toMatchObject([{ voteGranted: false }]);
  expect(server.receive(requestVote([5, 2], { term: 3 }))).toMatchObject([{ voteGranted: true }]);
});

test("a server without the committed entries is never elected, however often it tries", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  cluster.isolate(2);
  cluster.propose(0, "x");
  cluster.settle();
  cluster.run(4, [0, 1]);
  cluster.crash(0);
  cluster.network.heal();
  for (let election = 0; election < 10; election += 1) {
    cluster.campaign(2);
    cluster.settle();
    expect(cluster.state(2).role).not.toBe("leader");
  }
  cluster.elect(1);
  cluster.run(4, [1, 2]);
  expect(cluster.applied(2)).toEqual(["x"]);
});
