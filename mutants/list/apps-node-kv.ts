import type { Mutant } from "../src/mutant.ts";

const TEXT = "apps/node/src/format/text.ts";
const FIELDS = "apps/node/src/format/json-fields.ts";
const BATCH = "apps/node/src/format/batch-json.ts";
const FORMAT = "apps/node/src/dump/format.ts";
const LOAD = "apps/node/src/dump/load.ts";
const TARGET = "apps/node/src/dump/target.ts";
const PROGRESS = "apps/node/src/dump/progress.ts";
const CAS = "apps/node/src/commands/kv/cas.ts";
const SHARED = "apps/node/src/commands/kv/shared.ts";
const EITHER = "apps/node/src/client/either-contract.ts";
const ERRORS = "apps/node/src/errors.ts";
const BASH = "apps/node/src/completion/bash.ts";
const DATA_DIR = "apps/node/src/server/data-dir.ts";

/** Of the commands for keys and values: bytes and texts, batches, exports, and what is said of mistakes. */
export const APPS_NODE_KV: readonly Mutant[] = [
  {
    id: "node/unreadable-writes-logged",
    bug: "puts writes of eraft.kv.v1 into a log that a Go node has to read, which ends it",
    file: "apps/node/src/server/kv-v1-routes.ts",
    find: "if (other === undefined) return service();",
    replace: "if (other !== -1) return service();",
  },
  {
    id: "node/unreadable-writes-over-streams",
    bug: "refuses such writes, but not over streams",
    file: "apps/node/src/server/kv-v1-routes.ts",
    find: "writable().stream(requests, context)",
    replace: "service().stream(requests, context)",
  },
  {
    id: "node/escape-lets-terminal-codes-through",
    bug: "prints control characters of a value to the terminal, where they do things",
    file: TEXT,
    find: String.raw`/[\p{Cc}\\]/gu`,
    replace: String.raw`/[\u0000-\u001F\u007F\\]/gu`,
  },
  {
    id: "node/escape-is-ambiguous",
    bug: "leaves a backslash as it is, so that what is printed is read as something else",
    file: TEXT,
    find: String.raw`\p{Cc}\\]/gu`,
    replace: String.raw`\p{Cc}]/gu`,
  },
  {
    id: "node/byte-order-mark-lost",
    bug: "drops the byte order mark of a value",
    file: TEXT,
    find: "{ fatal: true, ignoreBOM: true }",
    replace: "{ fatal: true }",
  },
  {
    id: "node/base64-forgives",
    bug: "takes what is no base64 for some bytes or other",
    file: FIELDS,
    find: 'if (bytes.toString("base64") !== value)',
    replace: "if (bytes.length === 0)",
  },
  {
    id: "node/unknown-fields-pass",
    bug: "does a batch although a field of it has a name that means nothing",
    file: FIELDS,
    find: "if (unknown === undefined) return;",
    replace: "if (unknown !== null) return;",
  },
  {
    id: "node/two-keys-pass",
    bug: "takes the first of two keys that one operation has",
    file: FIELDS,
    find: "if (text !== undefined && base64 !== undefined) {",
    replace: "if (text !== undefined && base64 === null) {",
  },
  {
    id: "node/two-expectations-pass",
    bug: "looks at one of two things that are expected of a key",
    file: BATCH,
    find: "if (given.length !== 1) {",
    replace: "if (given.length === 0) {",
  },
  {
    id: "node/batch-answers-all-as-puts",
    bug: "does not tell in JSON whether a key was there that was deleted",
    file: BATCH,
    find: 'if (op === "delete") return { deleted: result === true };',
    replace: "",
  },
  {
    id: "node/cut-file-imported",
    bug: "imports a file that was cut off between two lines",
    file: FORMAT,
    find: "if (!hasEnded) throw",
    replace: "if (!hasEnded && items < 0) throw",
  },
  {
    id: "node/lost-line-imported",
    bug: "imports a file that lacks a line in the middle",
    file: FORMAT,
    find: "if (said !== items) throw",
    replace: "if (said < items) throw",
  },
  {
    id: "node/key-twice-imported",
    bug: "imports a file that has a key twice, with one of the values",
    file: FORMAT,
    find: "Buffer.compare(last, item.key) >= 0",
    replace: "Buffer.compare(last, item.key) > 0",
  },
  {
    id: "node/later-format-imported",
    bug: "takes a later version of the format for its own",
    file: FORMAT,
    find: "if (version !== VERSION)",
    replace: "if (Number(version) < VERSION)",
  },
  {
    id: "node/characters-cut-by-chunks",
    bug: "spoils a character that comes in two chunks",
    file: FORMAT,
    find: "decoder.decode(chunk, { stream: true })",
    replace: "decoder.decode(chunk)",
  },
  {
    id: "node/import-forgets-last-batch",
    bug: "leaves out what does not fill a batch",
    file: LOAD,
    find: "if (batch.length > 0) yield batch;",
    replace: "if (batch.length >= MAX_BATCH_ITEMS) yield batch;",
  },
  {
    id: "node/import-swallows-failure",
    bug: "says that everything was imported when a batch has failed",
    file: LOAD,
    find: "if (failures.length > 0) throw failures[0];",
    replace: "if (failures.length > 1) throw failures[0];",
  },
  {
    id: "node/import-goes-on-after-failure",
    bug: "sends the rest of a file to a cluster that has stopped answering",
    file: LOAD,
    find: "if (failures.length > 0) break;",
    replace: "",
  },
  {
    id: "node/import-floods",
    bug: "sends a whole file at once",
    file: LOAD,
    find: "if (underWay.size >= CONCURRENCY) await Promise.race(underWay);",
    replace: "",
  },
  {
    id: "node/import-batches-by-number-only",
    bug: "makes batches of large values that no message can carry",
    file: LOAD,
    find: "batch.length >= MAX_BATCH_ITEMS || bytes + size > MAX_BATCH_BYTES",
    replace: "batch.length >= MAX_BATCH_ITEMS",
  },
  {
    id: "node/failed-export-takes-the-name",
    bug: "replaces a good export by one that broke off",
    file: TARGET,
    find: "await rm(this.#part, { force: true });",
    replace: "await rename(this.#part, this.#path);",
  },
  {
    id: "node/progress-into-logs",
    bug: "writes progress where nobody looks",
    file: PROGRESS,
    find: "if (!this.#io.isWatched || ",
    replace: "if (",
  },
  {
    id: "node/cas-without-expectation",
    bug: "swaps whatever is there when nothing is said of it",
    file: CAS,
    find: "if (absent || present) return { exists: present };",
    replace: "if (given.length < 2) return { exists: present };",
  },
  {
    id: "node/range-beside-prefix",
    bug: "forgets --start beside a prefix",
    file: SHARED,
    find: "if (prefix !== undefined && (start !== null || end !== null)) {",
    replace: "if (prefix !== undefined && end !== null) {",
  },
  {
    id: "node/hints-blame-the-address",
    bug: "says that nobody listens where only some do not",
    file: ERRORS,
    find: 'if (reasons.every((reason) => reason === "connection refused")) {',
    replace: 'if (reasons.some((reason) => reason === "connection refused")) {',
  },
  {
    id: "node/completion-offers-flags-of-others",
    bug: "completes the value of a flag as if another flag followed",
    file: BASH,
    find: `'  if [ -n "$value" ]; then',`,
    replace: `'  if [ -z "$cur" ]; then',`,
  },
  {
    id: "node/refused-directory-is-claimed",
    bug: "writes its id into a directory that another process has",
    file: DATA_DIR,
    find: "  await checkDataDir(dir, id);\n",
    replace: "  await claimDataDir(dir, id);\n",
  },
  {
    id: "node/go-contract-repeats-a-write",
    bug: "does a write again in the Go contract that may have been done in the other",
    file: EITHER,
    find: ' || error.outcome === "unknown") throw error;',
    replace: ") throw error;",
  },
  {
    id: "node/go-contract-never-tried",
    bug: "goes on asking nodes that do not know the call until its time is up",
    file: EITHER,
    find: "code !== Code.Unimplemented) throw cause;",
    replace: "code !== Code.Unauthenticated) throw cause;",
  },
  {
    id: "node/go-contract-after-any-refusal",
    bug: "tries the Go contract after nodes that know the call have refused it",
    file: EITHER,
    find: "if (!isUnknown || !(error",
    replace: "if (!(error",
  },
  {
    id: "node/go-contract-gets-broken-text",
    bug: "writes U+FFFD to Go nodes where bytes are no text",
    file: SHARED,
    find: "  if (text !== null) return text;\n  throw",
    replace: "  if (text !== null || text === null) return text ?? new TextDecoder().decode(bytes);\n  throw",
  },
  {
    id: "node/get-prints-broken-text",
    bug: "prints U+FFFD where a value is no text",
    file: "apps/node/src/commands/kv/get.ts",
    find: "text === null ? Buffer.concat",
    replace: 'text === "" ? Buffer.concat',
  },
];
