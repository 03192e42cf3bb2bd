import type { Mutant } from "../src/mutant.ts";

const LIST = "packages/core/src/entry-list.ts";
const BLOCK = "packages/core/src/entry-block.ts";

/** How the log keeps its entries in memory. */
export const CORE_ENTRIES: readonly Mutant[] = [
  {
    id: "core/packed-command-shared",
    bug: "hands out commands that keep a whole block of others in memory",
    file: BLOCK,
    find: "this.#commands.slice(this.#endOf(at - 1), this.#endOf(at))",
    replace: "this.#commands.subarray(this.#endOf(at - 1), this.#endOf(at))",
  },
  {
    id: "core/packed-under-the-first-term",
    bug: "takes the entries of a block for ones of its first term",
    file: BLOCK,
    find: "term === first?.term && configuration",
    replace: "term > 0 && configuration",
  },
  {
    id: "core/packed-configuration-lost",
    bug: "forgets the members that an entry names when it is no longer new",
    file: BLOCK,
    find: "configuration === undefined && command.length",
    replace: "configuration !== null && command.length",
  },
  {
    id: "core/large-commands-packed",
    bug: "copies commands of any size",
    file: BLOCK,
    find: " && command.length <= MAX_PACKED_BYTES",
    replace: "",
  },
  {
    id: "core/packed-size-without-overhead",
    bug: "counts only the command of an entry that is no longer new",
    file: BLOCK,
    find: "this.#endOf(at) - this.#endOf(at - 1) + ENTRY_OVERHEAD_BYTES",
    replace: "this.#endOf(at) - this.#endOf(at - 1)",
  },
  {
    id: "core/truncated-block-stays",
    bug: "keeps what conflicts with the leader's log if it is not new",
    file: LIST,
    find: "    this.#blocks.length = whole;\n",
    replace: "    this.#blocks.length = whole + 1;\n",
  },
  {
    id: "core/truncation-takes-the-rest-of-a-block",
    bug: "drops entries before those that conflict",
    file: LIST,
    find: "this.#new = this.#inBlocksBetween(whole * this.#blockEntries, end);",
    replace: "this.#new = [];",
  },
  {
    id: "core/gone-entries-come-back",
    bug: "has entries again that were compacted, when the block after them is truncated",
    file: LIST,
    find: "    this.#inBlocks = whole * this.#blockEntries;\n    this.#settle();\n",
    replace: "    this.#inBlocks = whole * this.#blockEntries;\n    if (whole === 0) this.#gone = 0;\n",
  },
  {
    id: "core/new-entries-packed-at-once",
    bug: "packs entries that are being written, sent and applied",
    file: LIST,
    find: "    this.#new.push(entry);\n",
    replace: "    this.#new.push(entry);\n    this.pack(this.length);\n",
  },
  {
    id: "core/half-a-block-counts-whole",
    bug: "counts the bytes of a whole block for a part of it",
    file: LIST,
    find: "const isWhole = position % size === 0 && position + size <= end;",
    replace: "const isWhole = position % size === 0;",
  },
];
