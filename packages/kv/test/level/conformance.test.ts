import { type StateMachineDisk, stateMachineCases } from "@eraft/conformance";
import { type KvAnswer, type KvQuery, type KvResult, encodeCommand, encodeOpenSession } from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import { expect, test } from "vitest";
import { append, get, put } from "../support/commands.ts";
import * as writes from "../support/writes.ts";
import { LevelDevice } from "./crash-level.ts";

// So few sessions and keys that the history evicts the one and fills the other.
const LIMITS = { maxSessions: 2, maxKeys: 4, maxHistoryChanges: 3 };

function machineOver(device: LevelDevice): LevelKvStateMachine {
  return new LevelKvStateMachine({ db: device.database(), writeDelayMs: 0, ...LIMITS });
}

function disk(): StateMachineDisk<KvQuery, KvResult, KvAnswer> {
  const device = new LevelDevice();
  let losses = 0;
  return {
    create: () => machineOver(device),
    crash: () => device.crash(() => (losses += 1) % 2 === 0),
  };
}

const serial = (sequence: number) => ({ sessionId: 5, sequence, firstUnanswered: 1 });

const harness = {
  create: () => machineOver(new LevelDevice()),
  commands: [
    encodeCommand(put("a", "1")),
    encodeCommand(put("a", "2", 1n, 1n)),
    encodeCommand(append("a", "3", 1n, 2n)),
    encodeCommand(append("a", "3", 1n, 2n)),
    encodeOpenSession(),
    writes.write([writes.append("w", "x"), writes.get("a")], serial(1)),
    writes.write([writes.append("w", "x"), writes.get("a")], serial(1)),
    encodeCommand(get("a")),
    encodeCommand(put("ä", "€", 2n, 1n)),
    encodeCommand(append("b", "x".repeat(5000), 3n, 7n)),
    writes.write({ conditions: [writes.exists("w")], operations: [writes.remove("w")] }, serial(2)),
    writes.write({ conditions: [writes.exists("w")], operations: [writes.put("w", "no")] }, serial(3)),
    encodeCommand(append("a", "late", 1n, 2n)),
    encodeCommand(put("d", "one key too many")),
    encodeCommand(put("", "no key", 4n, 1n)),
    encodeCommand(append("b", "-end", 3n, 8n)),
  ],
  queries: [
    ...["a", "ä", "b", "d", "w", "nothing"].map((key) => ({ key })),
    { type: "items" as const, keys: ["a", "b", "w"] },
    {
      type: "scan" as const,
      start: "",
      end: null,
      isDescending: true,
      maxItems: 3,
      maxBytes: 10_000,
      keysOnly: false,
    },
    { type: "revision" as const },
  ],
  supports: { equalSnapshots: true, detectsDamage: true, keepsStateOnRejection: true, ignoresIndexes: false },
  disk,
};

for (const { name, run } of stateMachineCases(harness)) test(name, () => run());

test("the kit crashes it", () => {
  expect(stateMachineCases(harness).filter(({ name }) => name.includes("crash")).length).toBeGreaterThan(3);
});
