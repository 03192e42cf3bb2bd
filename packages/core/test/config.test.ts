import { expect, test } from "vitest";
import { ConfigError, MAX_PEERS, Raft, type RaftConfig } from "@eraft/core";
import { TIMING } from "./harness/cluster.ts";

const VALID: RaftConfig = { ...TIMING, id: 0, peers: [0, 1, 2], seed: 1 };
const EMPTY = { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] };

function start(change: Partial<RaftConfig>): Raft {
  return new Raft({ ...VALID, ...change }, EMPTY, 0);
}

test.each<[Partial<RaftConfig>, RegExp]>([
  [{ peers: [0, -1] }, /^peers: -1 is not/],
  [{ peers: [0, 1.5] }, /^peers: 1.5 is not/],
  [{ peers: [0, 2 ** 53] }, /^peers: 9007199254740992 is not/],
  [{ peers: [0, 1, 1] }, /^peers: \[0, 1, 1\] names a server twice/],
  [{ peers: [0, 1, 2, 3, 4, 5, 6, 7] }, /^peers: 8 servers/],
  [{ id: 3 }, /^id: 3 is not one of the peers \[0, 1, 2\]/],
  [{ id: Number.NaN }, /^id: NaN/],
  [{ heartbeatTicks: 0 }, /^heartbeatTicks: 0/],
  [{ heartbeatTicks: 1.5 }, /^heartbeatTicks: 1.5/],
  [{ heartbeatTicks: 6 }, /^electionTimeoutTicksMin: 10 must be .* at least twice heartbeatTicks \(6\)/],
  [{ electionTimeoutTicksMin: 10.5 }, /^electionTimeoutTicksMin: 10.5/],
  [
    { electionTimeoutTicksMax: 10 },
    /^electionTimeoutTicksMax: 10 must be .* above electionTimeoutTicksMin \(10\)/,
  ],
  [{ electionTimeoutTicksMax: Infinity }, /^electionTimeoutTicksMax: Infinity/],
  [{ seed: 0.5 }, /^seed: 0.5/],
  [{ maxAppendBytes: 0 }, /^maxAppendBytes: 0/],
  [{ maxInflightAppends: 0 }, /^maxInflightAppends: 0/],
  [{ maxUncommittedBytes: -1 }, /^maxUncommittedBytes: -1/],
  [{ maxInflightBytes: 0 }, /^maxInflightBytes: 0/],
  [{ retainedBytes: -1 }, /^retainedBytes: -1/],
  [{ leaseDuration: 0 }, /^leaseDuration: 0/],
  [{ leaseDuration: 100 }, /^leaseDuration: needs preVote/],
])("%j is refused, by name", (change, message) => {
  expect(() => start(change)).toThrow(ConfigError);
  expect(() => start(change)).toThrow(
    expect.objectContaining({ name: "ConfigError", message: expect.stringMatching(message) }),
  );
});

test.each<Partial<RaftConfig>>([
  {},
  { id: 5, peers: [5] },
  { id: 5, peers: [] },
  { peers: Array.from({ length: MAX_PEERS }, (_, id) => id) },
  { heartbeatTicks: 5 },
  { electionTimeoutTicksMax: 11 },
  { seed: -1, retainedBytes: 0, maxAppendBytes: 1, maxInflightAppends: 1, maxUncommittedBytes: 1 },
])("%j is fine", (change) => {
  expect(start(change).inspect()).toMatchObject({ role: "follower", term: 0 });
});

test("changing the list of peers afterwards changes nothing", () => {
  const peers = [0, 1, 2];
  const raft = start({ peers });
  peers.length = 1;
  for (let tick = 0; tick < 20; tick += 1) raft.step({ type: "tick" });
  expect(raft.ready()?.role).toMatchObject({ role: "candidate" });
});

test("an empty command is the leader's own, a client's is refused loudly", () => {
  expect(() => start({}).step({ type: "propose", id: 1, command: new Uint8Array(0) })).toThrow(/no-op/);
});
