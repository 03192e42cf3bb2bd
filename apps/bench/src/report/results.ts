import type { Machine } from "../machine.ts";
import type { Row, Scale } from "../measurement.ts";

/** One measurement with its rows. */
export interface Measured {
  readonly name: string;
  readonly scale: Scale["name"];
  readonly rows: readonly Row[];
}

/** What a JSON file holds. */
export interface Results {
  readonly machine: Machine;
  /** Null where it was not there. */
  readonly versions: { readonly eraft: string; readonly etcd: string | null; readonly h2load: string | null };
  readonly measured: readonly Measured[];
}

/**
 * Puts what was measured now in the place of what was measured before, so that a long run can be done in parts. Numbers of another machine or of other
 * versions are not kept: a table says one thing about one place.
 */
export function merge(before: Results | null, now: Results, order: readonly string[]): Results {
  const isSame = before !== null && placeOf(before) === placeOf(now);
  const names = new Set(now.measured.map(({ name }) => name));
  const kept = isSame ? before.measured.filter(({ name }) => !names.has(name)) : [];
  const measured = [...kept, ...now.measured].toSorted(
    (a, b) => order.indexOf(a.name) - order.indexOf(b.name),
  );
  return { ...now, measured };
}

function placeOf({ machine, versions }: Results): string {
  // How long the disk takes varies from minute to minute.
  return JSON.stringify([{ ...machine, fdatasyncUs: 0 }, versions]);
}
