import * as nodeFs from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { deserialize, serialize } from "node:v8";
import type { SyncFileSystem } from "@eraft/conformance";
import type { Restored, SnapshotMeta, Storage, StoredSnapshot, WriteBatch } from "@eraft/core";

type State = Restored & { readonly bytes: Buffer };
const hardState = { term: 0, votedFor: null };
const EMPTY: State = { hardState, snapshot: null, entries: [], bytes: Buffer.alloc(0) };

/** Everything in one file, which each write replaces as a whole. */
export function fileStorage(path: string, fs: SyncFileSystem = nodeFs): Storage {
  let state = EMPTY;
  const save = (next: State): void => {
    fs.writeFileSync(`${path}.new`, serialize(next), { flush: true });
    fs.renameSync(`${path}.new`, path);
    syncDirectory(fs, dirname(path));
    state = next;
  };
  return {
    open: async () => (state = fs.existsSync(path) ? deserialize(fs.readFileSync(path)) : EMPTY),
    write: async (batch) => save(withBatch(state, batch)),
    createSnapshot: async (meta) => {
      if (!isNewer(meta, state)) throw new Error("this snapshot is not newer than the stored one");
      const chunks: Buffer[] = [];
      return {
        write: async (chunk) => void chunks.push(Buffer.from(chunk)),
        commit: async () => save(withSnapshot(state, meta, Buffer.concat(chunks))),
        abort: async () => {},
      };
    },
    readSnapshot: async () => stored(state),
    size: () => serialize(state).length,
    close: async () => {},
  };
}

/** Without this the new name may be gone after a power loss, and with it the write that was acknowledged. */
function syncDirectory(fs: SyncFileSystem, path: string): void {
  const fd = fs.openSync(path, "r");
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

function withBatch(state: State, { hardState, truncateFrom, entries }: WriteBatch): State {
  const kept = state.entries.filter(({ index }) => index < (truncateFrom ?? Infinity));
  return { ...state, hardState: hardState ?? state.hardState, entries: [...kept, ...entries] };
}

function isNewer(meta: SnapshotMeta, { snapshot }: State): boolean {
  return meta.lastIncludedIndex > (snapshot?.lastIncludedIndex ?? 0);
}

/** The log keeps what follows the snapshot, if it agrees with it about the entry before (dissertation, 5.1). */
function withSnapshot(state: State, snapshot: SnapshotMeta, bytes: Buffer): State {
  const { lastIncludedIndex, lastIncludedTerm } = snapshot;
  const last = state.entries.find(({ index }) => index === lastIncludedIndex);
  const kept = last?.term === lastIncludedTerm ? state.entries : [];
  const entries = kept.filter(({ index }) => index > lastIncludedIndex);
  return { ...state, snapshot, bytes, entries };
}

function stored({ snapshot, bytes }: State): StoredSnapshot | null {
  return snapshot && { meta: snapshot, size: bytes.length, chunks: Readable.from([bytes]) };
}
