import type { Mutant } from "../src/mutant.ts";

const STORAGE = "packages/storage-wal/src/wal-storage.ts";
const IDENTITY = "packages/storage-wal/src/stored-identity.ts";
const OPEN_IDENTITY = "packages/storage-wal/src/open-identity.ts";
const IDENTITY_FILE = "packages/storage-wal/src/identity-file.ts";
const IDENTITY_FORMAT = "packages/storage-wal/src/identity-format.ts";

/** Who a disk is to its cluster, and what may be told of it when. */
export const STORAGE_WAL_IDENTITY: readonly Mutant[] = [
  {
    id: "storage-wal/identity-not-synced",
    bug: "tells peers a start that is in the page cache only",
    like: ["S1"],
    file: IDENTITY_FILE,
    find: "    await file.sync();\n",
    replace: "",
  },
  {
    id: "storage-wal/identity-name-not-durable",
    bug: "tells peers a start whose file a crash can take away",
    like: ["etcd#6368"],
    file: IDENTITY_FILE,
    find: "  fs.rename(path + TEMPORARY, path);\n  await fs.syncDirectory(dir);\n",
    replace: "  fs.rename(path + TEMPORARY, path);\n",
  },
  {
    id: "storage-wal/identity-in-place",
    bug: "writes its identity over the one that is there",
    file: IDENTITY_FILE,
    find: 'const file = fs.open(path + TEMPORARY, "create");',
    replace: 'const file = fs.open(path, "create");',
    also: [
      { file: IDENTITY_FILE, find: "  fs.rename(path + TEMPORARY, path);\n", replace: "" },
      {
        file: IDENTITY_FILE,
        find: "import { IDENTITY_NAME, TEMPORARY, segmentName, sortNames }",
        replace: "import { IDENTITY_NAME, segmentName, sortNames }",
      },
    ],
  },
  {
    id: "storage-wal/start-not-counted",
    bug: "tells the same start twice, so that nobody notices an older copy",
    file: OPEN_IDENTITY,
    find: "{ ...stored, starts: stored.starts + 1 };",
    replace: "stored;",
  },
  {
    id: "storage-wal/start-told-before-it-is-counted",
    bug: "tells a start that a crash may leave uncounted",
    file: OPEN_IDENTITY,
    find: "    await replaceIdentity(fileSystem, dir, content);\n",
    replace: "    void Promise.allSettled([replaceIdentity(fileSystem, dir, content)]);\n",
  },
  {
    id: "storage-wal/identity-opened-by-two",
    bug: "lets two processes speak for one disk",
    file: OPEN_IDENTITY,
    find: "    if (lock === null) throw new WalLockedError(dir);\n",
    replace: "    lock ??= { release: () => {} };\n",
    also: [
      {
        file: OPEN_IDENTITY,
        find: "import { WalError, WalFailedError, WalLockedError, WalUsageError }",
        replace: "import { WalError, WalFailedError, WalUsageError }",
      },
    ],
  },
  {
    id: "storage-wal/failed-identity-keeps-lock",
    bug: "keeps the directory though its identity could not be opened",
    like: ["L17"],
    file: OPEN_IDENTITY,
    find: "    lock?.release();\n",
    replace: "",
  },
  {
    id: "storage-wal/identity-unchecked",
    bug: "speaks for a disk whose name has rotted",
    like: ["S3"],
    file: IDENTITY_FORMAT,
    find: "if (crc32(bytes.subarray(0, end)) !== view.getUint32(end, true)) {",
    replace: "if (end < 0) {",
  },
  {
    id: "storage-wal/lost-log-not-noticed",
    bug: "comes back under the old name with an empty log",
    like: ["S12"],
    file: IDENTITY_FILE,
    find: "if (content.hasLog && sortNames(names).segments.length === 0) {",
    replace: "if (content.hasLog && sortNames(names).segments.length < 0) {",
  },
  {
    id: "storage-wal/log-not-noted",
    bug: "does not remember that there is a log that could be lost",
    file: STORAGE,
    find: "      await this.#identity?.noteLog();\n",
    replace: "",
  },
  {
    id: "storage-wal/log-noted-too-early",
    bug: "notes that there is a log when a crash may still take its name away",
    file: OPEN_IDENTITY,
    find: "    await replaceIdentity(fileSystem, dir, content);\n",
    replace:
      "    const hasLog = content.hasLog || fileSystem.list(dir).some((name) => /^wal-[0-9]+[.]log$/.test(name));\n    await replaceIdentity(fileSystem, dir, { ...content, hasLog });\n",
  },
  {
    id: "storage-wal/log-noted-before-it-is-there",
    bug: "notes that there is a log before there is one",
    file: STORAGE,
    find: "      const state = await readDirectory(fs, dir, pathOf);\n",
    replace:
      "      await this.#identity?.noteLog();\n      const state = await readDirectory(fs, dir, pathOf);\n",
  },
  {
    id: "storage-wal/adopted-twice",
    bug: "lets another cluster adopt a server that belongs to one",
    file: IDENTITY,
    find: "if (content.clusterId === null) return { ...content, clusterId };",
    replace: "if (content.clusterId !== clusterId) return { ...content, clusterId };",
  },
  {
    id: "storage-wal/change-seen-before-it-is-durable",
    bug: "tells a cluster or an incarnation that is not on the disk yet",
    file: IDENTITY,
    find: "    if (content === this.#content) return;\n",
    replace: "    if (content === this.#content) return;\n    this.#content = content;\n",
  },
  {
    id: "storage-wal/failed-change-repeated",
    bug: "goes on changing an identity of which nobody knows what is on the disk",
    like: ["S11"],
    file: IDENTITY,
    find: "      this.#failure = { cause };\n",
    replace: "",
  },
  {
    id: "storage-wal/renewed-with-old-starts",
    bug: "goes on counting when the disk gets a new name",
    file: IDENTITY,
    find: "({ ...content, incarnation: newIncarnation(), starts: 1 })",
    replace: "({ ...content, incarnation: newIncarnation() })",
  },
  {
    id: "storage-wal/renewed-without-cluster",
    bug: "forgets its cluster when the disk gets a new name",
    file: IDENTITY,
    find: "({ ...content, incarnation: newIncarnation(), starts: 1 })",
    replace: "({ ...content, clusterId: null, incarnation: newIncarnation(), starts: 1 })",
  },
  {
    id: "storage-wal/changes-at-once",
    bug: "makes two changes of the identity at a time",
    file: IDENTITY,
    find: "const done = this.#queue.then(() => this.#replace(change));",
    replace: "const done = this.#replace(change);",
  },
  {
    id: "storage-wal/identity-gone-before-its-change",
    bug: "lets go of the directory while its identity is being changed",
    file: IDENTITY,
    find: "    this.#isClosed = true;\n    await this.#queue;\n",
    replace: "    this.#isClosed = true;\n",
  },
  {
    id: "storage-wal/lock-lost-with-identity",
    bug: "gives the lock away from under an open storage",
    file: IDENTITY,
    find: "    if (this.#isLent) return;\n",
    replace: "",
  },
  {
    id: "storage-wal/lock-lent-twice",
    bug: "opens two storages under one identity",
    file: IDENTITY,
    find: "    if (this.#isLent) throw new WalLockedError(this.dir);\n",
    replace: "",
    also: [
      {
        file: IDENTITY,
        find: "import { WalFailedError, WalLockedError, WalOtherClusterError, WalUsageError }",
        replace: "import { WalFailedError, WalOtherClusterError, WalUsageError }",
      },
    ],
  },
  {
    id: "storage-wal/unopened-storage-keeps-identity",
    bug: "keeps the directory when a storage is closed that was never opened",
    like: ["L17"],
    file: STORAGE,
    find: "    await this.#identity?.close();\n",
    replace: "",
  },
  {
    id: "storage-wal/identity-of-another-directory",
    bug: "goes under the lock of another directory",
    file: STORAGE,
    find: "  if (resolve(identity.dir) !== resolve(dir)) {",
    replace: "  if (resolve(identity.dir) === dir + dir) {",
  },
];
