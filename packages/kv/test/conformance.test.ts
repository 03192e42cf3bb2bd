import { stateMachineCases } from "@eraft/conformance";
import { KvStateMachine, encodeCommand } from "@eraft/kv";
import { test } from "vitest";
import { append, get, put } from "./support/commands.ts";

const harness = {
  // So few sessions and keys that the history evicts the one and fills the other.
  create: () => new KvStateMachine({ maxSessions: 2, maxKeys: 3 }),
  commands: [
    put("a", "1"),
    put("a", "2", 1n, 1n),
    append("a", "3", 1n, 2n),
    append("a", "3", 1n, 2n),
    get("a"),
    put("ä", "€", 2n, 1n),
    append("b", "x".repeat(5000), 3n, 7n),
    append("a", "late", 1n, 2n),
    put("d", "one key too many"),
    put("", "no key", 4n, 1n),
    append("b", "-end", 3n, 8n),
  ].map(encodeCommand),
  queries: ["a", "ä", "b", "d", "nothing"].map((key) => ({ key })),
  supports: { equalSnapshots: true, detectsDamage: true, keepsStateOnRejection: true },
};

for (const { name, run } of stateMachineCases(harness)) test(name, () => run());
