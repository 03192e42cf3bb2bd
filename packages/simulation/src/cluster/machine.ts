import type { Configuration, Entry, LogIndex, Term } from "@eraft/core";

/** All a simulated state machine remembers. Immutable, so that a snapshot is a reference. */
export interface MachineState {
  readonly index: LogIndex;
  /** The term of the entry at `index`. */
  readonly term: Term;
  /** Stands for the whole history: equal digests mean equal commands in equal order. */
  readonly digest: number;
}

export const EMPTY_MACHINE: MachineState = { index: 0, term: 0, digest: 0 };

export function apply(state: MachineState, entries: readonly Entry[]): MachineState {
  let { digest } = state;
  for (const entry of entries) digest = mix(digest, digestOf(entry));
  return { index: state.index + entries.length, term: entries.at(-1)?.term ?? state.term, digest };
}

export function digestOf({ term, command, configuration }: Entry): number {
  let digest = mix(0x5bd1e995, term);
  for (const byte of command) digest = mix(digest, byte);
  return configuration === undefined ? digest : mix(digest, digestOfMembers(configuration));
}

/** Configurations are shared by all who have them, and each is looked at many times. */
const DIGESTS = new WeakMap<Configuration, number>();

/** Equal for equal configurations. */
export function digestOfMembers(configuration: Configuration): number {
  const known = DIGESTS.get(configuration);
  if (known !== undefined) return known;
  let digest = configuration.members.length;
  for (const { id, address, standing, incarnation } of configuration.members) {
    for (const text of [String(id), address, standing, incarnation ?? "null"]) {
      for (let at = 0; at < text.length; at += 1) digest = mix(digest, text.charCodeAt(at));
      digest = mix(digest, -1);
    }
  }
  DIGESTS.set(configuration, digest);
  return digest;
}

export function mix(digest: number, value: number): number {
  let mixed = Math.imul(digest ^ value, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
