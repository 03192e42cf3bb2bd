import type { AppliedCommand } from "@eraft/core";
import { Op } from "@eraft/proto/kvraftpb";
import { type KvCommand, type KvResult, type KvStateMachine, encodeCommand } from "@eraft/kv";

/** Either kind of state machine. */
export type Machine = Pick<KvStateMachine, "apply" | "snapshot">;

export function put(key: string, value: string, clientId = 0n, commandId = 0n): KvCommand {
  return { op: Op.PUT, key, value, clientId, commandId };
}

export function append(key: string, value: string, clientId = 0n, commandId = 0n): KvCommand {
  return { op: Op.APPEND, key, value, clientId, commandId };
}

export function get(key: string): KvCommand {
  return { op: Op.GET, key, value: "", clientId: 0n, commandId: 0n };
}

/** A log in front of a state machine. */
export class Log {
  readonly entries: AppliedCommand[] = [];
  readonly #before: number;

  /** @param before entries that were there before those that it keeps */
  constructor(before = 0) {
    this.#before = before;
  }

  async apply(machine: Machine, ...commands: readonly (KvCommand | Uint8Array)[]): Promise<KvResult[]> {
    const fresh = commands.map((command, i) => ({
      index: this.#before + this.entries.length + 1 + i,
      command: command instanceof Uint8Array ? command : encodeCommand(command),
    }));
    this.entries.push(...fresh);
    return [...(await machine.apply(fresh))];
  }
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The snapshot of `machine` as it is now, in one piece. */
export async function snapshotOf(machine: Machine): Promise<Uint8Array<ArrayBuffer>> {
  return concat(await collect(machine.snapshot()));
}

/** `bytes` in pieces of `size`. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Repeatable numbers from 0 up to 1: a linear congruential generator, of which the upper bits are used. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}
