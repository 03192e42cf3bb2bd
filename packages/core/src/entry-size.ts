import type { Entry } from "./types.ts";

/** What an entry costs beyond its command, roughly: bounds must hold for a million empty commands too. */
export const ENTRY_OVERHEAD_BYTES = 32;

/** What a member of a configuration costs, roughly. */
const MEMBER_BYTES = 128;

export function entryBytes({ command, configuration }: Entry): number {
  const bytes = command.length + ENTRY_OVERHEAD_BYTES;
  return configuration === undefined ? bytes : bytes + configuration.members.length * MEMBER_BYTES;
}
