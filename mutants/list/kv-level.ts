import type { Mutant } from "../src/mutant.ts";

const DISK = "packages/kv/src/level/disk.ts";
const HEAD = "packages/kv/src/level/head.ts";
const MACHINE = "packages/kv/src/level/level-state-machine.ts";
const STATE = "packages/kv/src/level/level-state.ts";
const STORED = "packages/kv/src/level/stored-state.ts";
const TABLE = "packages/kv/src/level/level-table.ts";
const VIEW = "packages/kv/src/level/state-at.ts";
const UNWRITTEN = "packages/kv/src/level/unwritten.ts";
const WRITE_BACK = "packages/kv/src/level/write-back.ts";
const PRESENT = "packages/kv/src/level/present-changes.ts";
const RECORDS = "packages/kv/src/level/records.ts";

/** The key-value state on a disk of its own. */
export const KV_LEVEL: readonly Mutant[] = [
  {
    id: "kv/level-index-apart",
    bug: "writes the index before what it stands for: after a crash in between some commands are never applied here",
    file: DISK,
    find: "    try {\n      await this.#db.batch(batch, ",
    replace:
      "    try {\n      if (head !== undefined && operations.length > 0) await this.#db.batch([batch[batch.length - 1]!], { ...BINARY, sync: true });\n      await this.#db.batch(batch, ",
  },
  {
    id: "kv/level-index-not-written",
    bug: "applies again after a restart what it has",
    file: STATE,
    find: "      index: this.#index,\n      revision",
    replace: "      index: Math.max(0, this.#index - 1),\n      revision",
  },
  {
    id: "kv/level-sessions-not-written",
    bug: "forgets in a crash which writes of a session were done, and does them again",
    like: ["S10"],
    file: STATE,
    find: "    for (const value of sessions.used) {",
    replace: "    for (const value of sessions.used.slice(1)) {",
  },
  {
    id: "kv/level-order-of-use-lost",
    bug: "lets another session expire after a restart than the other servers",
    file: STORED,
    find: "one.use - other.use",
    replace: "other.use - one.use",
  },
  {
    id: "kv/level-expired-session-stays",
    bug: "has sessions back after a restart that have expired",
    file: STATE,
    find: '    for (const id of sessions.gone) operations.push({ type: "del", key: sessionKey(generation, id) });\n',
    replace: "",
  },
  {
    id: "kv/level-old-changes-stay",
    bug: "never removes the changes that are not kept",
    file: STATE,
    find: "old <= revision && old < history.firstRevision",
    replace: "old < firstRevision && old < history.firstRevision",
  },
  {
    id: "kv/level-write-not-synced",
    bug: "calls written what a power loss takes",
    file: DISK,
    find: "      await this.#db.batch(batch, { ...BINARY, sync: true });",
    replace: "      await this.#db.batch(batch, { ...BINARY, sync: (batch.length < 0) as true });",
  },
  {
    id: "kv/level-reads-what-was-overwritten",
    bug: "reads an item from the disk whose new value waits to be written",
    file: TABLE,
    find: "      const change = this.unwritten.get(key);\n",
    replace: "      const change = key.length > 2 ? this.unwritten.get(key) : undefined;\n",
  },
  {
    id: "kv/level-leaving-changes-unseen",
    bug: "does not see changes while they are being written",
    file: UNWRITTEN,
    find: "    return this.#upper.get(key) ?? this.#lower?.get(key);",
    replace: "    return this.#upper.get(key);",
  },
  {
    id: "kv/level-view-of-the-present",
    bug: "reads a snapshot from the database as it is by then",
    file: VIEW,
    find: "    const options = { reverse: isDescending, snapshot: this.#snapshot };",
    replace: "    const options = { reverse: isDescending };",
  },
  {
    id: "kv/level-deleted-key-in-scan",
    bug: "has keys in a scan whose deletion is not written yet",
    file: VIEW,
    find: "        if (change?.key !== key) {",
    replace: "        if (change?.key !== key || change.item === null) {",
  },
  {
    id: "kv/level-scan-misses-the-newest",
    bug: "has no keys in a scan that come after all those on the disk and are not written yet",
    file: VIEW,
    find: "    for (let { change } = walk; change !== undefined; { change } = walk) {",
    replace: "    for (let { change } = walk; change !== undefined && page.length > 0; { change } = walk) {",
  },
  {
    id: "kv/level-snapshot-ahead-of-the-disk",
    bug: "gives a snapshot, and so has the log shortened, before the state is as far on its own disk",
    file: MACHINE,
    find: "{ begin: () => this.#writeBack.flush(), end",
    replace: "{ begin: async () => {}, end",
  },
  {
    id: "kv/level-restore-in-place",
    bug: "writes the new state over the old one",
    file: STATE,
    find: "    const generation = this.#nextGeneration;\n",
    replace: "    const { generation } = this.table;\n",
  },
  {
    id: "kv/level-generation-used-again",
    bug: "writes a state where records were that may come back",
    file: STATE,
    find: "    this.#nextGeneration += 1;\n",
    replace: "",
  },
  {
    id: "kv/level-head-before-the-rest",
    bug: "lets a restored state count before all of it is there",
    file: STATE,
    find: "    await queue.finish();\n    await this.#disk.write([], this.#head(nextUse));\n",
    replace: "    await this.#disk.write([], this.#head(nextUse));\n    await queue.finish();\n",
  },
  {
    id: "kv/level-other-owner",
    bug: "takes the state of another server for its own",
    file: HEAD,
    find: "  if (head.owner !== owner) {",
    replace: "  if (head.owner.length !== owner.length) {",
  },
  {
    id: "kv/level-checksum-ignored",
    bug: "gives back whatever the database has",
    file: RECORDS,
    find: "if (!isWhole || view.getUint32(0) !== crc32(record.subarray(CRC_BYTES), crc32(key))) {",
    replace: "if (!isWhole) {",
  },
  {
    id: "kv/level-lost-batch-unnoticed",
    bug: "does not notice that the database has lost a batch",
    file: STORED,
    find: "  if (marks !== expected) throw",
    replace: "  if (marks > expected) throw",
  },
  {
    id: "kv/level-full-disk-goes-on",
    bug: "goes on after the disk has refused a write",
    file: WRITE_BACK,
    find: "    if (this.#failure !== null) throw this.#failure.cause;",
    replace: "    if (this.#failure === undefined) throw new Error();",
  },
  {
    id: "kv/level-write-before-flush",
    bug: "calls flushed what was being written before the newest came",
    file: WRITE_BACK,
    find: "    if (this.#isDirty && this.#writing === null && this.#failure === null) this.#begin();\n    await this.#writing;\n    this.check();",
    replace: "    this.check();",
  },
  {
    id: "kv/level-old-change-as-it-is",
    bug: "says in a snapshot of an older change that its item is the present one",
    file: PRESENT,
    find: "last.get(key) === revision",
    replace: "last.has(key) && revision > 0",
  },
];
