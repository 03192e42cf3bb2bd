import { type Configuration, type Restored, memberOf } from "@eraft/core";

/** What a data directory knows, as far as it matters to a cluster that is to be built on it. */
export interface Survivor {
  readonly clusterId: string | null;
  /** The end of its log; 0 for an empty one. */
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
  /** The term that it had reached. */
  readonly term: number;
  /** Everything up to here is certain to have been committed: a snapshot stands for it. */
  readonly snapshotIndex: number;
  /** The members as its log has them, and the entry that says so; null if they are those that the cluster began with. */
  readonly members: { readonly index: number; readonly configuration: Configuration } | null;
}

export function survivorOf({ hardState, snapshot, entries }: Restored, clusterId: string | null): Survivor {
  const last = entries.at(-1) ?? null;
  const named = entries.findLast(({ configuration }) => configuration !== undefined);
  const snapshotIndex = snapshot?.lastIncludedIndex ?? 0;
  const ofSnapshot =
    snapshot?.configuration === undefined
      ? null
      : { index: snapshotIndex, configuration: snapshot.configuration };
  return {
    clusterId,
    lastLogIndex: last?.index ?? snapshotIndex,
    lastLogTerm: last?.term ?? snapshot?.lastIncludedTerm ?? 0,
    term: hardState.term,
    snapshotIndex,
    members:
      named?.configuration === undefined
        ? ofSnapshot
        : { index: named.index, configuration: named.configuration },
  };
}

/** What part node `id` had: null if the log does not say. */
export function standingOf({ members }: Survivor, id: number): string | null {
  if (members === null) return null;
  return memberOf(members.configuration, id)?.standing ?? "none";
}
