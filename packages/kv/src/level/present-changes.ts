import type { ByteString } from "../state/byte-string.ts";
import type { HistoryView } from "../state/history.ts";
import type { Change } from "../state/items.ts";

/** Revisions that are looked at before others may do something. */
const TURN_REVISIONS = 4096;

/**
 * Tells of the changes of a history whether their item is the one that is there at its end. The items need not be looked at: a history has all changes since its first one, so
 * what a change has made is there unless a later one is of the same key.
 */
export async function presentChanges(
  history: HistoryView,
  pause: () => Promise<void>,
): Promise<(change: Change, revision: number) => boolean> {
  const last = new Map<ByteString, number>();
  for (let { firstRevision: revision } = history; revision <= history.revision; revision++) {
    for (const { key } of history.changesOf(revision) ?? []) last.set(key, revision);
    if (revision % TURN_REVISIONS === 0) await pause();
  }
  return ({ key, item }, revision) => item !== null && last.get(key) === revision;
}
