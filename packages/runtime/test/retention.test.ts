import { expect, test } from "vitest";
import type { RaftNodeOptions } from "@eraft/runtime";
import { resolveOptions } from "../src/options.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { Journal } from "./support/journal.ts";
import { ScriptedTransport } from "./support/scripted-transport.ts";

const MIB = 2 ** 20;

function raftOf(tuning: Partial<RaftNodeOptions>): ReturnType<typeof resolveOptions>["raft"] {
  const ports = {
    storage: new FaultyStorage(),
    transport: new ScriptedTransport(),
    stateMachine: new Journal(),
  };
  return resolveOptions({ id: 0, peers: new Map([[0, "host-0:1"]]), ...ports, ...tuning }).raft;
}

test("however rarely snapshots are taken, the log between two is kept for a follower that is being sent the first of them", () => {
  expect(raftOf({}).maxRetainedBytes).toBe(40 * MIB);
  expect(raftOf({ snapshotBytes: 64 * MIB }).maxRetainedBytes).toBe(320 * MIB);
  expect(raftOf({ snapshotBytes: 100 }).maxRetainedBytes).toBe(800);
  // Whoever says how much gets that, and what the core makes of it.
  expect(raftOf({ snapshotBytes: 64 * MIB, retainedBytes: 0 }).maxRetainedBytes).toBeUndefined();
  expect(raftOf({ snapshotBytes: 64 * MIB, maxRetainedBytes: 5 * MIB }).maxRetainedBytes).toBe(5 * MIB);
});
