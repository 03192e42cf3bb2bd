import type { Mutant } from "../src/mutant.ts";

const HANDLER = "packages/transport-connect/src/node/handler.ts";
const SERVE = "packages/transport-connect/src/node/serve.ts";
const SESSIONS = "packages/transport-connect/src/node/session-manager.ts";
const LIVENESS = "packages/transport-connect/src/node/liveness.ts";
const PIECES = "packages/transport-connect/src/node/piece-writer.ts";
const STRICT = "packages/transport-connect/src/server/strict-answers.ts";
const MALFORMED = "packages/transport-connect/src/server/malformed.ts";

/** Ports, connections and requests on Node: most of these this project has had, see docs/found-bugs.md. */
export const TRANSPORT_NODE: readonly Mutant[] = [
  {
    id: "transport-connect/host-header-ends-process",
    bug: "throws out of the adapter at a bad Host header, so that any stranger ends the process",
    file: HANDLER,
    find: "    try {\n      this.#rpc(request, response);\n",
    replace: "    this.#rpc(request, response);\n    try {\n",
  },
  {
    id: "transport-connect/other-services-malformed-is-internal",
    bug: "tells clients of the services beside Raft's that rubbish is a fault of the server",
    file: HANDLER,
    find: "        registerStrict(router, routes);\n",
    replace: "        registerStrict(router, () => {});\n        routes(router);\n",
  },
  {
    id: "transport-connect/malformed-is-internal",
    bug: "tells callers that rubbish is a fault of the server",
    file: STRICT,
    find: 'trailer.set("grpc-status", String(Code.InvalidArgument));',
    replace: "void trailer;",
  },
  {
    id: "transport-connect/malformed-is-internal-on-the-web",
    bug: "tells callers of gRPC-Web that rubbish is a fault of the server",
    file: STRICT,
    find: "return withLastEnvelope(answer, correctedWebTrailer);",
    replace: "return answer;",
  },
  {
    id: "transport-connect/malformed-is-500",
    bug: "tells callers of Connect that rubbish is a fault of the server",
    file: STRICT,
    find: "return answer.status === 500 ? correctUnary(answer) : answer;",
    replace: "return answer;",
  },
  {
    id: "transport-connect/every-fault-is-the-callers",
    bug: "tells callers of Connect that whatever goes wrong in the server is their fault",
    file: STRICT,
    find: 'return code === "internal" && message?.startsWith(PARSE_FAILURE) === true;',
    replace: 'return code === "internal" && message !== "";',
  },
  {
    id: "transport-connect/malformed-is-internal-in-streams",
    bug: "tells callers of Connect's streams that rubbish is a fault of the server",
    file: STRICT,
    find: "return withLastEnvelope(answer, correctedEnd);",
    replace: "return answer;",
  },
  {
    id: "transport-connect/rejection-unanswered",
    bug: "leaves a request open for ever whose error cannot be put into a trailer",
    file: MALFORMED,
    find: "if (request.signal.aborted) throw reason;",
    replace: "if (request.signal.aborted || reason instanceof URIError) throw reason;",
  },
  {
    id: "transport-connect/dead-sessions-kept",
    bug: "keeps each connection that is gone in memory until its idle timeout",
    file: "packages/transport-connect/src/node/idle.ts",
    find: "  timer.unref();\n",
    replace: "  timer.unref();\n  session.setTimeout(timeoutMs, look);\n",
  },
  {
    id: "transport-connect/attempt-without-end",
    bug: "waits for TCP to give up a connection attempt that nobody answers",
    file: SESSIONS,
    find: "socket.destroy(timedOut(connectTimeoutMs))",
    replace: "session.destroy(timedOut(connectTimeoutMs))",
  },
  {
    id: "transport-connect/attempt-outlives-close",
    bug: "leaves connections behind when it is closed that are not established yet",
    file: SESSIONS,
    find: "      session.destroy(closed());\n      socket.destroy();\n",
    replace: "      session.destroy(closed());\n      void socket;\n",
  },
  {
    id: "transport-connect/close-without-a-word",
    bug: "ends calls without an error when it is closed, and Connect waits for their deadlines",
    file: SESSIONS,
    find: "      session.destroy(closed());\n",
    replace: "      session.destroy();\n",
  },
  {
    id: "transport-connect/silence-without-a-word",
    bug: "gives a silent peer up and says nothing to the calls under way, which Connect has wait for their deadlines",
    file: SESSIONS,
    find: "      session.destroy(silent(silentMs));\n",
    replace: "      session.destroy();\n",
  },
  {
    id: "transport-connect/ping-answer-unheard",
    bug: "gives up the connection to a peer that is slow, though it answers pings",
    file: SESSIONS,
    find: "        if (session === this.#current) this.#heard();\n",
    replace: "",
  },
  {
    id: "transport-connect/ipv6-brackets-lost",
    bug: "leaves out the brackets of an IPv6 address, so that servers cannot tell where its port begins",
    file: SESSIONS,
    find: '":authority": this.#host,',
    replace: '":authority": this.#host.replace(/^\\[|\\]/g, ""),',
  },
  {
    id: "transport-connect/byte-by-byte-spins",
    bug: "reads the first bytes of a slow sender again and again, and does nothing else any more",
    file: "packages/transport-connect/src/node/sniff.ts",
    find: "    if (matches && known < PREFACE.byteLength) return;\n",
    replace:
      "    if (matches && known < PREFACE.byteLength) {\n      socket.unshift(held);\n      held = Buffer.alloc(0);\n      return;\n    }\n",
  },
  {
    id: "transport-connect/calls-hang-after-close",
    bug: "waits for calls that do not end when it is closed, for as long as they like",
    file: SERVE,
    find: "      for (const socket of this.#sockets) socket.destroy();\n",
    replace: "      void this.#sockets;\n",
  },
  {
    id: "transport-connect/reset-after-goaway-unheard",
    bug: "leaves calls waiting for their deadlines when a connection is reset whose end the peer had announced",
    file: SESSIONS,
    find: '    socket.prependListener("error", (error) => session.destroy(error));\n',
    replace: "",
  },
  {
    id: "transport-connect/endless-requests-kept",
    bug: "holds a request, and a stream, for ever for whoever never finishes one",
    file: "packages/transport-connect/src/node/body-deadline.ts",
    find: "now - waiting.sinceMs >= this.#timeoutMs",
    replace: "now < waiting.sinceMs",
  },
  {
    id: "transport-connect/slow-link-is-dead",
    bug: "gives up a connection whose ping waits behind what it carries, and sends all of it again, for ever",
    file: PIECES,
    find: "    this.#mark();\n",
    replace: "",
  },
  {
    id: "transport-connect/no-patience-for-a-piece",
    bug: "gives a ping behind a piece no more time than one on an idle connection",
    file: LIVENESS,
    find: "return pingTimeoutMs + (aheadBytes * 1000) / minBytesPerSecond;",
    replace: "return pingTimeoutMs + (aheadBytes * 0) / minBytesPerSecond;",
  },
  {
    id: "transport-connect/patience-for-all-that-is-written",
    bug: "takes minutes to notice that a connection is dead which was to carry much",
    file: LIVENESS,
    find: "Math.min(this.#socket.bytesWritten - this.#arrivedBytes, PIECE_BYTES)",
    replace: "Math.max(this.#socket.bytesWritten - this.#arrivedBytes, 0)",
  },
  {
    id: "transport-connect/arrivals-forgotten",
    bug: "waits on an idle connection for what arrived long ago",
    file: LIVENESS,
    find: "this.#arrivedBytes = Math.max(this.#arrivedBytes, bytesWritten);",
    replace: "void bytesWritten;",
  },
  {
    id: "transport-connect/silence-is-news",
    bug: "watches no connection: it takes every look for one with news",
    file: LIVENESS,
    find: "if (socket.bytesRead > seenBytes) pingedAtMs = null;",
    replace: "if (socket.bytesRead >= seenBytes) pingedAtMs = null;",
  },
  {
    id: "transport-connect/blocks-too-large-for-slow-links",
    bug: "sends snapshots in blocks that take longer over a slow link than a sender waits for news of one",
    file: "packages/transport-connect/src/snapshot/block-size.ts",
    find: "const BLOCK_BYTES_MAX = 64 * 1024;",
    replace: "const BLOCK_BYTES_MAX = 256 * 1024;",
  },
  {
    id: "transport-connect/end-overtakes-pieces",
    bug: "ends a stream before what was written to it",
    file: PIECES,
    find: "if (this.#isEnded && this.#waitingBytes === 0) this.#stream.end();",
    replace: "if (this.#isEnded) this.#stream.end();",
  },
  {
    id: "transport-connect/pieces-out-of-order",
    bug: "sends the rest of a message after the next one",
    file: PIECES,
    find: "this.#waiting.unshift(next.subarray(leftBytes));",
    replace: "this.#waiting.push(next.subarray(leftBytes));",
  },
];
