import type { Mutant } from "../src/mutant.ts";

const DATABASE = "packages/storage-level/src/database.ts";
const STORAGE = "packages/storage-level/src/level-storage.ts";
const CHANGES = "packages/storage-level/src/changes.ts";
const ENTRY = "packages/storage-level/src/entry-record.ts";
const READ = "packages/storage-level/src/read-database.ts";
const OUTLINE = "packages/storage-level/src/log-outline.ts";
const SINK = "packages/storage-level/src/snapshot-sink.ts";
const SNAPSHOT = "packages/storage-level/src/snapshot-records.ts";
const KEYS = "packages/storage-level/src/keys.ts";
const BYTES = "packages/storage-level/src/bytes.ts";
const IDENTITY = "packages/storage-level/src/stored-identity.ts";

/** What a database is trusted with, and what is noticed when it loses some of it. */
export const STORAGE_LEVEL: readonly Mutant[] = [
  {
    id: "storage-level/no-sync",
    bug: "says that a batch is durable when it is in the page cache",
    like: ["S1", "NATS 2.12.1"],
    file: DATABASE,
    find: "const DURABLE = { ...BINARY, sync: true } as const;",
    replace: "const DURABLE = { ...BINARY, sync: false } as const;",
  },
  {
    id: "storage-level/head-in-a-batch-of-its-own",
    bug: "writes entries in one batch and what says that they count in another",
    like: ["S2"],
    file: STORAGE,
    find: "    await this.#requireLease().database.write(operations);\n",
    replace:
      "    await this.#requireLease().database.write(operations.slice(0, -1));\n    await this.#requireLease().database.write(operations.slice(-1));\n",
  },
  {
    id: "storage-level/truncation-before-the-batch",
    bug: "clears what is truncated before it writes the batch: a crash in between has lost confirmed entries",
    file: STORAGE,
    find: "    await this.#make(appendChanges(head, outline, batch));\n",
    replace:
      "    if (batch.truncateFrom !== null) await this.#requireLease().database.discard(entriesFrom(batch.truncateFrom));\n    await this.#make(appendChanges(head, outline, batch));\n",
    also: [
      {
        file: STORAGE,
        find: "import { chunksOf, entriesBefore, snapshotsBut }",
        replace: "import { chunksOf, entriesBefore, entriesFrom, snapshotsBut }",
      },
    ],
  },
  {
    id: "storage-level/truncation-leaves-the-tail",
    bug: "leaves truncated entries behind the new end of the log",
    file: CHANGES,
    find: "  operations.push(...removals(index + 1, outline.lastIndex));\n",
    replace: "",
  },
  {
    id: "storage-level/contradicted-entries-stay",
    bug: "keeps the entries behind a snapshot that contradicts the log",
    file: CHANGES,
    find: "...(covered === undefined ? removals(index + 1, end.index) : []),",
    replace: "",
  },
  {
    id: "storage-level/suffix-kept-whatever-its-term",
    bug: "keeps the log behind a snapshot without looking at the term of the entry there",
    like: ["S7"],
    file: OUTLINE,
    find: "    return this.at(lastIncludedIndex)?.term === lastIncludedTerm;",
    replace: "    return this.at(lastIncludedIndex)?.term !== undefined && lastIncludedTerm >= 0;",
  },
  {
    id: "storage-level/covered-entries-removed-first",
    bug: "removes the entries that a snapshot covers before the snapshot is the stored one",
    file: STORAGE,
    find: "        await this.#make(snapshotChanges(head, outline, committed));\n",
    replace:
      "        await this.#remove(entriesBefore(sink.meta.lastIncludedIndex + 1));\n        await this.#make(snapshotChanges(head, outline, committed));\n",
  },
  {
    id: "storage-level/old-snapshot-removed-first",
    bug: "removes the old snapshot before the new one counts",
    file: STORAGE,
    find: "        await this.#make(snapshotChanges(head, outline, committed));\n",
    replace:
      "        if (snapshot !== null) await this.#remove(chunksOf(snapshot.generation));\n        await this.#make(snapshotChanges(head, outline, committed));\n",
  },
  {
    id: "storage-level/snapshot-removed-under-its-reader",
    bug: "removes a replaced snapshot that somebody is reading",
    file: STORAGE,
    find: "    if ([...this.#readers].some((reader) => reader.generation === generation)) return;\n",
    replace: "",
  },
  {
    id: "storage-level/replaced-snapshot-stays",
    bug: "never removes a snapshot that was being read when it was replaced, until it is opened again",
    file: STORAGE,
    find: "      if (this.#closing === null) void this.#removeUnread(snapshot);\n",
    replace: "",
  },
  {
    id: "storage-level/last-chunk-not-flushed",
    bug: "commits a snapshot whose last chunks are not written",
    file: SINK,
    find: "    if (this.#chunkUsed > 0) this.#endChunk();\n    await this.#flush();\n",
    replace: "    if (this.#chunkUsed > 0) this.#endChunk();\n",
  },
  {
    id: "storage-level/snapshot-held-in-memory",
    bug: "keeps all of a snapshot in memory until the commit",
    file: SINK,
    find: "      if (this.#batch.length === CHUNKS_IN_BATCH) await this.#flush();\n",
    replace: "",
    also: [
      {
        file: SINK,
        find: "/** Chunks that are made durable at once: memory, against a sync for each of them. */\nconst CHUNKS_IN_BATCH = 8;\n",
        replace: "",
      },
    ],
  },
  {
    id: "storage-level/write-overtakes-commit",
    bug: "lets a write that was called after a commit take effect before it",
    file: STORAGE,
    find: "    await this.#enqueue(async () => {\n      const descriptor = await finished;\n",
    replace: "    const descriptor = await finished;\n    await this.#enqueue(async () => {\n",
  },
  {
    id: "storage-level/checksums-not-chained",
    bug: "checks each entry by itself: an older one that comes back in its place is believed",
    file: ENTRY,
    find: "  const chain = crc32(value.subarray(4), chainBefore);\n",
    replace: "  const chain = crc32(value.subarray(4), chainBefore * 0);\n",
    also: [
      {
        file: ENTRY,
        find: "  if (chain !== crc32(value.subarray(4), before.chain)) {",
        replace: "  if (chain !== crc32(value.subarray(4))) {",
      },
    ],
  },
  {
    id: "storage-level/end-of-the-log-unchecked",
    bug: "takes a log that has lost its end for a shorter one",
    file: READ,
    find: "  if (index < head.lastLogIndex)\n",
    replace: "  if (index < head.lastIncludedIndex)\n",
    also: [{ file: READ, find: "  if (chain !== head.lastChain)\n", replace: "  if (chain < 0)\n" }],
  },
  {
    id: "storage-level/entries-beyond-the-end-believed",
    bug: "believes entries of which the head does not know",
    file: READ,
    find: "  if (index > head.lastLogIndex) {",
    replace: "  if (index < 0) {",
    also: [{ file: READ, find: "  if (chain !== head.lastChain)\n", replace: "  if (chain < 0)\n" }],
  },
  {
    id: "storage-level/one-head-is-enough",
    bug: "believes one copy of the head where the other is an older one",
    file: READ,
    find: "  if (sequence !== head.sequence || Buffer.compare(first, second) !== 0) {",
    replace: "  if (sequence < 0) {",
  },
  {
    id: "storage-level/lost-head-is-a-new-database",
    bug: "begins anew where both heads are gone",
    file: READ,
    find: '      if (await database.hasAny(range)) throw new LevelDamageError(location, "the head is missing");\n',
    replace: "      await database.hasAny(range);\n",
  },
  {
    id: "storage-level/snapshot-not-checked-at-open",
    bug: "opens with a damaged snapshot, and finds out when a follower needs it",
    file: READ,
    find: "    for (const value of values.slice(0, left)) reader.take(value);\n",
    replace: "",
    also: [{ file: READ, find: "  reader.end();\n", replace: "" }],
  },
  {
    id: "storage-level/chunks-unchecked",
    bug: "sends damaged chunks of a snapshot to followers",
    file: SNAPSHOT,
    find: "    if (value.length <= CHUNK_HEADER_BYTES || viewOf(value).getUint32(0) !== crc32(data, this.#chain)) {",
    replace: "    if (value.length <= CHUNK_HEADER_BYTES) {",
  },
  {
    id: "storage-level/keys-little-endian",
    bug: "has its keys in another order than their numbers",
    file: BYTES,
    find: "  view.setUint32(offset + 4, value % 2 ** 32);",
    replace: "  view.setUint32(offset + 4, value % 2 ** 32, true);",
    also: [
      {
        file: BYTES,
        find: "view.getUint32(offset + 4);",
        replace: "view.getUint32(offset + 4, true);",
      },
    ],
  },
  {
    id: "storage-level/leftover-chunks-stay",
    bug: "never removes the chunks of snapshots that were not committed",
    file: KEYS,
    find: '    { gte: ofLetter("s"), lt: chunkKey(generation, 0) },\n    { gte: chunkKey(generation, chunks), lt: ofLetter("t") },\n',
    replace: "",
  },
  {
    id: "storage-level/writes-after-a-failure",
    bug: "goes on after a failed write, on a disk of which nobody knows what it holds",
    like: ["S1"],
    file: STORAGE,
    find: "      this.#failure ??= { cause };\n",
    replace: "",
  },
  {
    id: "storage-level/two-storages-on-one-object",
    bug: "lets two storages use one open database",
    file: DATABASE,
    find: "    if (taken.has(db)) throw new LevelLockedError(locationOf(db));\n",
    replace: "",
  },
  {
    id: "storage-level/start-told-before-it-is-counted",
    bug: "tells a start that a crash may leave uncounted",
    file: IDENTITY,
    find: "    await replaceIdentity(database, content);\n    return",
    replace: "    void Promise.allSettled([replaceIdentity(database, content)]);\n    return",
  },
  {
    id: "storage-level/adopts-any-cluster",
    bug: "changes the cluster it belongs to when it is told another one",
    file: IDENTITY,
    find: "      if (content.clusterId === null) return { ...content, clusterId };\n      throw new LevelOtherClusterError(this.#database.location, content.clusterId, clusterId);\n",
    replace: "      return { ...content, clusterId };\n",
  },
];
