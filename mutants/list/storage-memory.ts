import type { Mutant } from "../src/mutant.ts";

const FILE = "packages/storage-memory/src/memory-storage.ts";

/** The reference storage, which others are measured by. */
export const STORAGE_MEMORY: readonly Mutant[] = [
  {
    id: "storage-memory/stale-suffix-kept",
    bug: "keeps what follows a snapshot without comparing the term at its end",
    like: ["S5"],
    file: FILE,
    find: "const matches = covered?.term === lastIncludedTerm;",
    replace: "const matches = covered !== undefined;",
  },
  {
    id: "storage-memory/truncation-lost",
    bug: "appends behind what it was to truncate",
    file: FILE,
    find: "(entry) => batch.truncateFrom === null || entry.index < batch.truncateFrom,",
    replace: "(entry) => batch.truncateFrom === null || entry.index <= batch.truncateFrom,",
  },
  {
    id: "storage-memory/hard-state-lost",
    bug: "forgets term and vote when a batch has none",
    file: FILE,
    find: "if (batch.hardState !== null) this.#hardState = { ...batch.hardState };",
    replace: "this.#hardState = batch.hardState ?? { term: 0, votedFor: null };",
  },
  {
    id: "storage-memory/bytes-shared",
    bug: "keeps the caller's memory as its disk",
    file: FILE,
    find: "const copy = { index, term, command: new Uint8Array(command) };",
    replace: "const copy = { index, term, command };",
  },
  {
    id: "storage-memory/entry-without-its-members",
    bug: "forgets what a configuration entry says",
    file: FILE,
    find: "return configuration === undefined ? copy : { ...copy, configuration: copyOfMembers(configuration) };\n}\n\nfunction copyOfMeta",
    replace: "return configuration === undefined ? copy : { ...copy };\n}\n\nfunction copyOfMeta",
  },
  {
    id: "storage-memory/snapshot-without-its-members",
    bug: "forgets the members as of a snapshot",
    like: ["etcd e515a67", "openraft#1808"],
    file: FILE,
    find: "    const ownMeta = copyOfMeta(meta);\n",
    replace:
      "    const { lastIncludedIndex, lastIncludedTerm } = meta;\n    const ownMeta = { lastIncludedIndex, lastIncludedTerm };\n",
  },
  {
    id: "storage-memory/members-shared",
    bug: "keeps the caller's members as its disk",
    file: FILE,
    find: "return { members: members.map((member) => ({ ...member })) };",
    replace: "return { members };",
  },
  {
    id: "storage-memory/sink-commits-early",
    bug: "replaces the stored snapshot while the new one is being filled",
    file: FILE,
    find: "        chunks.push(new Uint8Array(chunk));\n",
    replace:
      "        chunks.push(new Uint8Array(chunk));\n        this.#install({ meta: { ...meta }, chunks, size: sum(chunks.map((chunk) => chunk.length)) });\n",
  },
];
