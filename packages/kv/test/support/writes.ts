import {
  type Condition,
  type KvResult,
  type KvStateMachine,
  type Operation,
  type Serial,
  type Write,
  type WriteResult,
  encodeWrites,
} from "@eraft/kv";
import type { Log } from "./commands.ts";

export function put(key: string, value: string): Operation {
  return { type: "put", key, value };
}

export function append(key: string, value: string): Operation {
  return { type: "append", key, value };
}

export function remove(key: string): Operation {
  return { type: "delete", key };
}

export function get(key: string): Operation {
  return { type: "get", key };
}

export function exists(key: string, exists = true): Condition {
  return { type: "exists", key, exists };
}

/** The command that does `write`, or some operations without conditions. */
export function write(write: Write | readonly Operation[], serial: Serial | null = null): Uint8Array {
  const whole = "operations" in write ? write : { conditions: [], operations: write };
  return encodeWrites([{ write: whole, serial }]);
}

/** Does one write after the other. */
export async function apply(
  log: Log,
  machine: KvStateMachine,
  ...writes: readonly (Write | readonly Operation[])[]
): Promise<WriteResult[]> {
  const results = await log.apply(machine, ...writes.map((one) => write(one)));
  return results.flatMap(resultsOf);
}

export function resultsOf(result: KvResult | undefined): readonly WriteResult[] {
  if (result?.status !== "written") throw new Error(`it was not written: ${JSON.stringify(result)}`);
  return result.results;
}
