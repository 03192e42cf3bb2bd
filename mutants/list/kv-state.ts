import type { Mutant } from "../src/mutant.ts";

const APPLY = "packages/kv/src/state/apply-write.ts";
const CURSOR = "packages/kv/src/state/tree-cursor.ts";
const HISTORY = "packages/kv/src/state/history.ts";
const KEPT = "packages/kv/src/state/kept-result.ts";
const WIRE = "packages/kv/src/state/wire.ts";
const LOGGED = "packages/kv/src/state/logged-writes.ts";
const COMMAND = "packages/kv/src/state/apply-command.ts";
const QUERY = "packages/kv/src/state/query.ts";
const READER = "packages/kv/src/state/snapshot-reader.ts";
const TREE = "packages/kv/src/state/b-tree.ts";
const VALUE = "packages/kv/src/state/value.ts";
const WRITE = "packages/kv/src/state/write.ts";

/** Items, revisions, writes, history, and what sessions keep. */
export const KV_STATE: readonly Mutant[] = [
  {
    id: "kv/view-shares-children",
    bug: "writes into nodes that a view has",
    file: TREE,
    find: "const own = this.#own(parent.children[position]!);",
    replace: "const own = parent.children[position]!;",
  },
  {
    id: "kv/found-leaf-of-a-view",
    bug: "writes where it has just read, though a view has that, too",
    file: TREE,
    find: "found.generation === this.#generation && ",
    replace: "",
  },
  {
    id: "kv/thin-nodes-stay",
    bug: "lets nodes get empty: after many deletions a tree is all nodes and no keys",
    file: TREE,
    find: "    if (sizeOf(child) < MIN_ENTRIES) this.#replenish(node, position);\n",
    replace: "",
  },
  {
    id: "kv/only-child",
    bug: "leaves a branch with one child, which has no neighbour to join when it has become empty",
    file: TREE,
    find: "Math.min(splitPoint(length, position + 1), length - 2)",
    replace: "splitPoint(length, position + 1)",
  },
  {
    id: "kv/joined-without-separator",
    bug: "forgets the key between two branches that it joins",
    file: TREE,
    find: "left.keys.push(between, ...right.keys);",
    replace: "left.keys.push(...right.keys);",
  },
  {
    id: "kv/set-counts-overwrites",
    bug: "counts a key again when it is overwritten",
    file: TREE,
    find: "      leaf.values[at] = value;\n",
    replace: "      leaf.values[at] = value;\n      this.#size += 1;\n",
  },
  {
    id: "kv/cursor-stops-at-leaf",
    bug: "ends a scan at the end of a leaf if the first key is beyond it",
    file: CURSOR,
    find: "    if (cursor.#at === cursor.#leaf.keys.length) cursor.#nextLeaf();\n",
    replace: "",
  },
  {
    id: "kv/reads-are-revisions",
    bug: "counts a write that changed nothing",
    file: COMMAND,
    find: "if (outcome.changes.length > 0) history.push(outcome.changes);",
    replace: "history.push(outcome.changes);",
  },
  {
    id: "kv/recreated-key-keeps-its-birth",
    bug: "takes a key that was deleted and made anew for the old one",
    file: APPLY,
    find: "    return changed === undefined ? this.#table.get(key) : (changed ?? undefined);",
    replace: "    return changed ?? this.#table.get(key);",
  },
  {
    id: "kv/batch-half-done",
    bug: "does the operations before the one that cannot be done",
    file: APPLY,
    find: 'if (typeof result === "string") return { type: "refused", reason: result };',
    replace: 'if (typeof result === "string") break;',
  },
  {
    id: "kv/keys-that-came-and-went",
    bug: "tells of the deletion of a key that never was",
    file: APPLY,
    find: "if (item !== null || this.#table.get(key) !== undefined)",
    replace: "if (item !== null || key.length > 0)",
  },
  {
    id: "kv/only-last-condition",
    bug: "does a batch although its first condition does not hold",
    file: APPLY,
    find: "if (!holds(condition, item))",
    replace: "if (!holds(condition, item) && position === write.conditions.length - 1)",
  },
  {
    id: "kv/create-revision-for-mod",
    bug: "compares the revision that made a key where the one that wrote it is meant",
    file: APPLY,
    find: "item?.modRevision === condition.modRevision",
    replace: "item?.createRevision === condition.modRevision",
  },
  {
    id: "kv/deleted-keys-take-room",
    bug: "is full although the same batch makes room",
    file: APPLY,
    find: "        this.#size -= 1;\n",
    replace: "",
  },
  {
    id: "kv/answer-without-bound",
    bug: "reads 128 values of a megabyte for one answer",
    file: APPLY,
    find: 'return this.#answerBytes > MAX_WRITE_BYTES ? "answerTooLarge" :',
    replace: 'return this.#answerBytes > Infinity ? "answerTooLarge" :',
  },
  {
    id: "kv/large-values-equal-by-length",
    bug: "takes large values of the same length for equal",
    file: VALUE,
    find: "    if (a[i] !== b[i]) return false;\n",
    replace: "",
  },
  {
    id: "kv/value-shares-message",
    bug: "keeps a value where it was received, in memory that others use",
    file: VALUE,
    find: "return bytes.byteLength * 2 >= bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);",
    replace: "return bytes;",
  },
  {
    id: "kv/long-message-overwrites-its-begin",
    bug: "writes the length of a message of 128 bytes and more over its first bytes",
    file: WIRE,
    find: "      this.#bytes.copyWithin(from + more, from, this.#at);\n",
    replace: "",
  },
  {
    id: "kv/negative-numbers-cut",
    bug: "reads a number below 0 as a large one",
    file: WIRE,
    find: "return Number(BigInt.asIntN(64, value));",
    replace: "return Number(value);",
  },
  {
    id: "kv/bytes-beyond-the-command",
    bug: "gives fewer bytes than a field says that it has",
    file: WIRE,
    find: '    if (end > this.length) throw new RangeError("it ends too early");\n',
    replace: "",
  },
  {
    id: "kv/nested-message-runs-over",
    bug: "reads a part of a command beyond its end",
    file: LOGGED,
    find: '  if (reader.at !== end) throw new Error("it ends too early");\n',
    replace: "",
  },
  {
    id: "kv/malformed-write-stops-everyone",
    bug: "throws at a command behind the mark that it cannot read",
    like: ["L16"],
    file: LOGGED,
    find: "  } catch {\n    // They are in the log",
    replace: "  } catch (error) {\n    if (bytes.length > 0) throw error;\n    // They are in the log",
  },
  {
    id: "kv/unbounded-write",
    bug: "takes a batch of any size",
    file: WRITE,
    find: 'return bytes > MAX_WRITE_BYTES ? "writeTooLarge" : null;',
    replace: "return null;",
  },
  {
    id: "kv/history-drops-too-early",
    bug: "bounds the history by revisions, and not by what is in them",
    file: HISTORY,
    find: "    this.#changeCount += changes.length;\n",
    replace: "    this.#changeCount += 1;\n",
  },
  {
    id: "kv/history-without-bytes",
    bug: "keeps any amount of bytes for watchers",
    file: HISTORY,
    find: "(this.#changeCount > maxHistoryChanges || this.#bytes > maxHistoryBytes)",
    replace: "this.#changeCount > maxHistoryChanges",
  },
  {
    id: "kv/history-keeps-memory",
    bug: "does not let go of what it does not keep until the whole chunk is old",
    file: HISTORY,
    find: "    chunk.revisions[position] = null;\n",
    replace: "",
  },
  {
    id: "kv/history-keeps-lists",
    bug: "keeps, for each revision, the array that its changes were collected in",
    file: HISTORY,
    find: "revisions.push(changes.length === 1 ? changes[0]! : changes.slice());",
    replace: "revisions.push(changes);",
  },
  {
    id: "kv/history-first-change-only",
    bug: "takes a revision with many changes for one with one",
    file: HISTORY,
    find: "changes.length === 1 ? changes[0]! : changes.slice()",
    replace: "changes[0]!",
  },
  {
    id: "kv/history-view-loses-revisions",
    bug: "takes from a view what the history lets go",
    file: HISTORY,
    find: "    if (chunk.generation === this.#generation) return chunk;\n",
    replace: "    if (chunk.generation >= 0) return chunk;\n",
  },
  {
    id: "kv/history-begins-anew",
    bug: "keeps a history after a restore that is larger than the one it was made of",
    file: READER,
    find: 'if (this.#history.firstRevision !== firstRevision) throw damaged("the history is larger than its limits");',
    replace: "void firstRevision;",
  },
  {
    id: "kv/snapshot-in-any-order",
    bug: "takes keys in any order: two snapshots of one state would differ",
    file: READER,
    find: "if (key < this.#lastKey) throw damaged(`${name} is not in the order of the keys`);",
    replace: "if (key < this.#lastKey) this.#lastKey = key;",
  },
  {
    id: "kv/scan-end-included",
    bug: "reads the end of a range that does not belong to it",
    file: QUERY,
    find: "end !== null && key >= end",
    replace: "end !== null && key > end",
  },
  {
    id: "kv/kept-value-of-another-time",
    bug: "answers a repeated write with the value that is there now",
    file: KEPT,
    find: "if (present?.modRevision === modRevision) return present;",
    replace: "if (present !== undefined) return present;",
  },
  {
    id: "kv/replaced-value-recalled",
    bug: "remembers a value by its revision that a later operation of the same write replaced",
    file: KEPT,
    find: "  return isThere ? withoutValue : item;",
    replace: "  return isThere || key ? withoutValue : item;",
  },
  {
    id: "kv/session-write-done-twice",
    bug: "does a write of a session again when it is sent again",
    like: ["S10"],
    file: COMMAND,
    find: '      return recalledResult(claim.slot.result, write, state) ?? refused("sequenceOutOfWindow");',
    replace: "      return applyWrite(state, limits, write);",
  },
];
