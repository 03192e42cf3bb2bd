import type { Mutant } from "../src/mutant.ts";

const CALL = "packages/transport-connect/src/node/unary/unary-call.ts";
const DEADLINES = "packages/transport-connect/src/node/unary/deadlines.ts";
const ENGINE_CALL = "packages/transport-connect/src/node/engine/engine-unary-call.ts";
const READER = "packages/transport-connect/src/node/unary/request-reader.ts";
const NODE_CALL = "packages/transport-connect/src/node/unary/node-unary-call.ts";
const NODE_SERVER = "packages/transport-connect/src/node/unary/node-unary-server.ts";
const ROUTES = "packages/transport-connect/src/node/unary/unary-routes.ts";
const TIME_LIMITS = "packages/kv/src/server/time-limits.ts";

/** Unary calls that are served without Connect's adapter, and where they would look different from those that are not. */
export const TRANSPORT_UNARY: readonly Mutant[] = [
  {
    id: "transport-connect/unary-limit-of-server-only",
    bug: "goes by the server's limit on sizes where a method has its own",
    file: CALL,
    find: "const maxBytes = this.#route.readMaxBytes ?? this.#host.readMaxBytes;",
    replace: "const maxBytes = this.#host.readMaxBytes;",
  },
  {
    id: "transport-connect/unary-answers-unbounded",
    bug: "sends answers of any size",
    file: CALL,
    find: "if (bytes.byteLength <= writeMaxBytes) return",
    replace: "if (bytes.byteLength <= writeMaxBytes * 4) return",
  },
  {
    id: "transport-connect/unary-tells-its-secrets",
    bug: "tells callers the text of errors that were not meant for them",
    file: CALL,
    find: 'new ConnectError("internal error", Code.Internal)',
    replace: "new ConnectError(String(reason), Code.Internal)",
  },
  {
    id: "transport-connect/unary-takes-the-first-message",
    bug: "answers the first of several requests in one call",
    file: CALL,
    find: 'if (this.#hasRequest()) throw faultyRequest("received extra input message for unary method");',
    replace: "if (this.#hasRequest()) return;",
  },
  {
    id: "transport-connect/unary-answers-early",
    bug: "hands a request on before its caller has finished",
    file: CALL,
    find: "    this.#request = request;\n",
    replace: "    this.#request = request;\n    this.#handle(request);\n",
  },
  {
    id: "transport-connect/unary-bytes-taken-for-good",
    bug: "does not ask the other handler for what the handler of bytes leaves to it",
    file: CALL,
    find: "if (answer === null) return this.#handle(this.#decode(bytes.slice()));",
    replace: "if (answer === null) return this.#answerBytes(bytes.subarray(0, 0));",
  },
  {
    id: "transport-connect/unary-second-fault-told",
    bug: "tells of a second message where the first one cannot be read",
    file: CALL,
    find: "if (this.#requestBytes !== null) this.#decode(this.#requestBytes);",
    replace: "",
  },
  {
    id: "transport-connect/unary-half-a-message-is-none",
    bug: "overlooks a message that breaks off",
    file: READER,
    find: "if (this.#prefixBytes === 0) return;",
    replace: "if (this.#prefixBytes >= 0) return;",
  },
  {
    id: "transport-connect/unary-compressed-as-it-is",
    bug: "takes compressed bytes for a message",
    file: READER,
    find: "return ((prefix[0] ?? 0) & COMPRESSED) !== 0;",
    replace: "return ((prefix[0] ?? 0) & COMPRESSED) > COMPRESSED;",
  },
  {
    id: "transport-connect/unary-unknown-flags-refused",
    bug: "refuses messages for flags that mean nothing to it",
    file: READER,
    find: "return ((prefix[0] ?? 0) & COMPRESSED) !== 0;",
    replace: "return prefix[0] !== 0;",
  },
  {
    id: "transport-connect/unary-any-size",
    bug: "makes room for as many bytes as a caller says that it will send",
    file: READER,
    find: "if (length <= maxBytes) return length;",
    replace: "if (length <= maxBytes * 1e9) return length;",
  },
  {
    id: "transport-connect/unary-piece-lost",
    bug: "forgets where it was in a prefix that comes in pieces",
    file: READER,
    find: "this.#prefix.set(part, this.#prefixBytes);",
    replace: "this.#prefix.set(part);",
  },
  {
    id: "transport-connect/unary-cancel-unheard",
    bug: "does not tell a handler that its caller has left",
    file: CALL,
    find: 'if (!this.#isAnswered) this.#abort(new ConnectError("the caller has left", Code.Canceled));',
    replace: "void ConnectError;",
  },
  {
    id: "transport-connect/unary-deadline-unheard",
    bug: "never tells a handler that the time of its caller is up",
    file: DEADLINES,
    find: "for (const item of items) item.expired();",
    replace: "void items;",
  },
  {
    id: "transport-connect/unary-first-deadline-only",
    bug: "wakes up for the first of several deadlines only",
    file: DEADLINES,
    find: "if (next < this.#nextStep) this.#wait(next);",
    replace: "void next;",
  },
  {
    id: "transport-connect/unary-timeout-in-seconds",
    bug: "reads every grpc-timeout as one of a thousand times the length",
    file: CALL,
    find: "this.#deadlineMs = performance.now() + timeoutMs;",
    replace: "this.#deadlineMs = performance.now() + timeoutMs * 1000;",
  },
  {
    id: "transport-connect/unary-headers-dropped",
    bug: "drops the headers that a handler sets",
    file: NODE_CALL,
    find: 'header === null ? PLAIN_HEADERS : { ...objectOf(header), ":status": 200 },',
    replace: "header === null || header !== null ? PLAIN_HEADERS : objectOf(header),",
  },
  {
    id: "transport-connect/unary-trailers-dropped",
    bug: "says of every call that it went well",
    file: NODE_CALL,
    find: "trailer === null ? PLAIN_TRAILERS : objectOf(trailer)",
    replace: "trailer === null || trailer !== null ? PLAIN_TRAILERS : objectOf(trailer)",
  },
  {
    id: "transport-connect/unary-compression-ignored",
    bug: "takes calls with a compression that it does not know",
    file: ROUTES,
    find: 'if (encoding !== undefined && encoding !== "identity") return undefined;',
    replace: "void encoding;",
  },
  {
    id: "transport-connect/unary-any-method",
    bug: "takes calls of any HTTP method",
    file: ROUTES,
    find: 'if (method !== "POST" || expect !== undefined) return undefined;',
    replace: "if (expect !== undefined) return undefined;",
  },
  {
    id: "transport-connect/unary-endless-requests-kept",
    bug: "keeps a call whose request never ends",
    file: NODE_SERVER,
    find: "if (looks >= LOOKS) call.isLate(this.#timeoutMs);",
    replace: "void call;",
  },
  {
    id: "kv/caller-that-left-waits-on",
    bug: "works on for callers that have left",
    file: TIME_LIMITS,
    find: 'this.#caller.addEventListener("abort", this.stop);',
    replace: "void this.#caller;",
  },
  {
    id: "kv/deadline-of-caller-ignored",
    bug: "lets callers wait for longer than they said",
    file: TIME_LIMITS,
    find: "if (timeoutMs === undefined || timeoutMs >= this.#limitMs)",
    replace: "if (timeoutMs === undefined || timeoutMs >= 0)",
  },
  {
    id: "kv/first-time-limit-only",
    bug: "wakes up for the first of several calls only",
    file: TIME_LIMITS,
    find: "        this.#cancelTimer = this.#clock.after(wait.dueMs - nowMs, this.#look);\n",
    replace: "",
  },
  {
    id: "transport-connect/frozen-error-hides-trailers",
    bug: "sends an error that many are given without the trailers that the handler has set",
    file: CALL,
    find: "if (Object.isFrozen(error) && this.#responseTrailer === null) {",
    replace: "if (Object.isFrozen(error)) {",
  },
  {
    id: "transport-connect/frozen-error-hides-headers",
    bug: "sends an error that many are given without the headers that the handler has set",
    file: ENGINE_CALL,
    find: "this.#stream.answer(header === null ? PLAIN_HEAD : headOf(200, header), null, FROZEN.of(error));",
    replace: "this.#stream.answer(header === null ? PLAIN_HEAD : PLAIN_HEAD, null, FROZEN.of(error));",
  },
  {
    id: "transport-connect/one-frozen-error-for-another",
    bug: "ends all calls with the status that was the first",
    file: "packages/transport-connect/src/node/unary/frozen-status.ts",
    find: "const known = this.#made.get(error);",
    replace: "const known = this.#made.get((FIRST ??= error));",
    also: [
      {
        file: "packages/transport-connect/src/node/unary/frozen-status.ts",
        find: "export class FrozenStatuses<",
        replace: "let FIRST: ConnectError | undefined;\nexport class FrozenStatuses<",
      },
    ],
  },
];
