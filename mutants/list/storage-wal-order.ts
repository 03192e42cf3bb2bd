import type { Mutant } from "../src/mutant.ts";

const STORAGE = "packages/storage-wal/src/wal-storage.ts";
const OUTLINE = "packages/storage-wal/src/log-outline.ts";

/** Writes and commits at once, and truncations that drop nothing. */
export const STORAGE_WAL_ORDER: readonly Mutant[] = [
  {
    id: "storage-wal/write-during-write",
    bug: "lets a snapshot's commit and a write into the log at the same time",
    file: STORAGE,
    find: "const done = this.#queue.then(work);",
    replace: "const done = work();",
  },
  {
    id: "storage-wal/write-overtakes-commit",
    bug: "lets a write that was called after a commit take effect before it",
    file: STORAGE,
    find: "    return this.#enqueue(async () => {\n      const snapshot = await finished;\n      await this.#guard(() => this.#install(this.#requireParts(), writer, snapshot));\n    });\n",
    replace:
      "    return finished.then((snapshot) => this.#enqueue(() => this.#guard(() => this.#install(this.#requireParts(), writer, snapshot))));\n",
  },
  {
    id: "storage-wal/commit-failure-unheard",
    bug: "ends the process when a snapshot fails whose turn has not come",
    file: STORAGE,
    find: "    void Promise.allSettled([finished]);\n",
    replace: "",
  },
  {
    id: "storage-wal/truncation-beyond-the-end-refused",
    bug: "refuses a truncation that has nothing to drop",
    file: OUTLINE,
    find: "if (truncateFrom !== null && (!isUint53(truncateFrom) || truncateFrom <= this.snapshotIndex)) {",
    replace:
      "if (truncateFrom !== null && (!isUint53(truncateFrom) || truncateFrom <= this.snapshotIndex || truncateFrom > this.#lastIndex + 1)) {",
  },
  {
    id: "storage-wal/truncation-beyond-the-end-extends",
    bug: "takes a truncation beyond the end for the end",
    file: OUTLINE,
    find: "    if (from > this.#lastIndex) return;\n",
    replace: "",
  },
];
