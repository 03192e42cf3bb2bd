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
    find: "return { index: entry.index, term: entry.term, command: new Uint8Array(entry.command) };",
    replace: "return { index: entry.index, term: entry.term, command: entry.command };",
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
