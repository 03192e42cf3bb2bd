import type { InstallSnapshot } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { Cluster } from "./support/cluster.ts";
import { type ScriptedFollower, startFollower } from "./support/follower.ts";
import { outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

// Between two turns of the event loop nothing else is done: no heartbeat gets out, none is read. What takes long is cut into pieces.

let follower: ScriptedFollower | undefined;
let cluster: Cluster | undefined;
afterEach(async () => {
  const stopped = outcomeOf(Promise.all([follower?.node.stop(), cluster?.stop()]));
  for (let turns = 0; turns < 100 && stopped.state === "pending"; turns += 1) {
    follower?.clock.advance(1);
    await settle();
  }
  follower = undefined;
  cluster = undefined;
});

function backlog(first: number, count: number) {
  const entries = Array.from({ length: count }, (_, position) => ({
    index: first + position,
    term: 1,
    command: Uint8Array.of(0x61),
  }));
  const position = { prevLogIndex: first - 1, prevLogTerm: first === 1 ? 0 : 1 };
  return { ...heartbeat(first + 1), ...position, entries, leaderCommit: first + count - 1 };
}

/** More turns of the event loop than anything here needs. */
async function work({ clock }: ScriptedFollower): Promise<void> {
  for (let turns = 0; turns < 120; turns += 1) {
    clock.advance(0);
    await settle();
  }
}

test("the slower a state machine, the less of a backlog it gets at a time: after the first slices none takes 20 ms", async () => {
  follower = await startFollower();
  const { clock, journal, transport, node } = follower;
  const COMMAND_MS = 0.5;
  const slices: number[] = [];
  journal.onApply = (commands) => {
    slices.push(commands.length * COMMAND_MS);
    clock.pass(commands.length * COMMAND_MS); // Nothing else runs meanwhile.
  };
  transport.deliver(backlog(1, 1000));
  await work(follower);
  expect(node.status().lastApplied).toBe(1000);
  expect(Math.max(...slices.slice(1))).toBeLessThan(20);
  expect(slices.length).toBeLessThan(100);

  // The next backlog begins with what was learnt.
  slices.length = 0;
  transport.deliver(backlog(1001, 500));
  await work(follower);
  expect(Math.max(...slices)).toBeLessThan(20);

  // And a state machine that is quick again gets longer slices again.
  let longest = 0;
  journal.onApply = (commands) => {
    longest = Math.max(longest, commands.length);
  };
  transport.deliver(backlog(1501, 5000));
  await work(follower);
  expect(longest).toBe(1024);
});

test("however slow a state machine is, it gets some commands at a time", async () => {
  follower = await startFollower();
  const { clock, journal, transport, node } = follower;
  const sizes: number[] = [];
  journal.onApply = (commands) => {
    sizes.push(commands.length);
    clock.pass(commands.length * 100);
  };
  transport.deliver(backlog(1, 100));
  await work(follower);
  expect(node.status().lastApplied).toBe(100);
  expect(sizes).toEqual([64, 8, 8, 8, 8, 4]);
});

const header: InstallSnapshot = {
  type: "installSnapshot",
  from: 1,
  to: 0,
  term: 1,
  sequence: 2,
  lastIncludedIndex: 9,
  lastIncludedTerm: 1,
};

/** How many chunks of this size go by before the first turn of the event loop. */
test.for([
  [1, 64],
  [200_000, 3],
  [600_000, 1],
] as const)(
  "a snapshot comes in pieces: of chunks of %i bytes, %i in a turn",
  async ([sizeBytes, perTurn]) => {
    follower = await startFollower();
    const { storage, journal, receiver } = follower;
    let read = 0;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (; read < 5 * perTurn; read += 1) yield new Uint8Array(sizeBytes).fill(0x61);
    }
    const received = outcomeOf(receiver.receiveSnapshot(header, chunks()));
    await settle();
    const counts = [read];
    for (let turn = 0; turn < 3; turn += 1) {
      follower.clock.advance(0);
      await settle();
      counts.push(read);
    }
    // The chunk that follows is asked for in the next turn.
    expect(counts).toEqual([1, 2, 3, 4].map((turn) => turn * perTurn - 1));
    expect(storage.calls).not.toContain("sink.commit");
    await work(follower);
    expect(received.state).toBe("fulfilled");
    expect(journal.restores).toBe(1);
  },
);

async function* smallChunks(count: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n += 1) yield bytes("a\n");
}

test("the state is replaced in pieces", async () => {
  follower = await startFollower();
  const { journal, receiver } = follower;
  let taken = 0;
  journal.restore = async (chunks) => {
    for await (const _ of chunks) taken += 1;
  };
  const received = outcomeOf(receiver.receiveSnapshot(header, smallChunks(200)));
  const steps = new Set<number>();
  for (let turn = 0; turn < 20; turn += 1) {
    follower.clock.advance(0);
    await settle();
    steps.add(taken);
  }
  expect(received.state).toBe("fulfilled");
  expect([...steps]).toEqual([0, 64, 128, 192, 200]);
});

test("the own snapshot is written in pieces, between which commands are applied", async () => {
  cluster = await Cluster.start(1, { snapshotBytes: 20_000, retainedBytes: 0 });
  const { node, storage } = await cluster.leader();
  const writes = (): number => storage.calls.filter((call) => call === "sink.write").length;
  await Promise.all(Array.from({ length: 64 }, (_, n) => node.propose(bytes(`${n}`))));
  while (writes() === 0) {
    await Promise.all(Array.from({ length: 64 }, (_, n) => node.propose(bytes(`${n}`))));
    await settle();
  }
  const first = writes();
  expect(first).toBe(64);
  await node.propose(bytes("in between"));
  expect(writes()).toBe(64);
  cluster.clock.advance(0);
  await settle();
  expect(writes()).toBe(128);
  await cluster.until(() => node.status().snapshotIndex > 0, "it is never done");
});
