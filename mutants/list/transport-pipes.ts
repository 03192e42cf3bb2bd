import type { Mutant } from "../src/mutant.ts";

const SRC = "packages/transport-connect/src/node";
const CLIENT = `${SRC}/client-pipe.ts`;
const SERVER = `${SRC}/server-pipe.ts`;
const ENVELOPES = `${SRC}/envelopes.ts`;

/** gRPC streams straight on HTTP/2, and requests that do not end. */
export const TRANSPORT_PIPES: readonly Mutant[] = [
  {
    id: "transport-connect/silent-stream-kept",
    bug: "keeps the stream of a machine that lost its power",
    like: ["L19"],
    file: `${SRC}/liveness.ts`,
    find: "else if (now - pingedAtMs >= this.#patienceMs)",
    replace: "else if (now < pingedAtMs)",
  },
  {
    id: "transport-connect/streams-outlive-server",
    bug: "waits for the streams of its peers to end when it closes its port",
    like: ["L19"],
    file: `${SRC}/node-engine.ts`,
    find: "    for (const pipe of this.#pipes) pipe.shutDown();\n",
    replace: "",
  },
  {
    id: "transport-connect/streams-outlive-our-server",
    bug: "waits for the streams of its peers to end when it closes its port",
    like: ["L19"],
    file: `${SRC}/engine/engine.ts`,
    find: "    for (const pipe of this.#pipes) pipe.shutDown();\n",
    replace: "",
  },
  {
    id: "transport-connect/endless-request-kept",
    bug: "holds a call for ever whose request does not end",
    like: ["L17"],
    file: `${SRC}/body-deadline.ts`,
    find: "} else if (now - waiting.sinceMs >= this.#timeoutMs) {",
    replace: "} else if (now < waiting.sinceMs) {",
  },
  {
    id: "transport-connect/half-open-stream-kept",
    bug: "answers a request that does not end and keeps its stream",
    like: ["L17"],
    file: `${SRC}/body-deadline.ts`,
    find: "        request.stream.close(constants.NGHTTP2_CANCEL);\n",
    replace: "        void constants.NGHTTP2_CANCEL;\n",
  },
  {
    id: "transport-connect/stream-ended-as-request",
    bug: "ends a stream because it has gone on for as long as a request may take",
    file: `${SRC}/node-engine.ts`,
    find: "if (!this.#routes.endless.has(request.url)) this.#bodyDeadline.watch(request);",
    replace: "this.#bodyDeadline.watch(request);",
  },
  {
    id: "transport-connect/envelope-without-bound",
    bug: "makes room for a message of any length that a stranger announces",
    like: ["S16"],
    file: ENVELOPES,
    find: "if (length > this.#maxBytes) {",
    replace: "if (length > this.#maxBytes + 0xffffffff) {",
  },
  {
    id: "transport-connect/compressed-taken-for-plain",
    bug: "reads a compressed message as if it were none",
    file: ENVELOPES,
    find: 'if (this.#prefix[0] !== 0) throw new ConnectError("messages are not compressed here", Code.Unimplemented);',
    replace: "void Code.Unimplemented;",
  },
  {
    id: "transport-connect/empty-message-late",
    bug: "keeps a message of no bytes until the next one comes",
    file: ENVELOPES,
    find: "      if (this.#isComplete()) this.#finish();\n    }\n",
    replace: "      if (at < chunk.byteLength && this.#isComplete()) this.#finish();\n    }\n",
  },
  {
    id: "transport-connect/status-ignored",
    bug: "takes every end of a stream for a good one",
    file: CLIENT,
    find: "if (this.#status !== undefined) this.#ended(this.#status);",
    replace: "if (this.#status !== undefined) this.#ended(null);",
  },
  {
    id: "transport-connect/end-without-status-is-good",
    bug: "takes a stream that was cut off for one that has ended well",
    file: CLIENT,
    find: "this.#failure ?? this.#status ?? lost(undefined)",
    replace: "this.#failure ?? this.#status ?? null",
  },
  {
    id: "transport-connect/page-taken-for-grpc",
    bug: "reads a web page as if it were messages",
    file: CLIENT,
    find: 'headers[":status"] === 200 && /^application\\/grpc(?:$|[+;])/.test(type)',
    replace: 'headers[":status"] === 200 && type !== ""',
  },
  {
    id: "transport-connect/cut-off-message-passes",
    bug: "does not say that a message ended early",
    file: SERVER,
    find: "    if (this.#reader.isWithin)\n",
    replace: "    if (this.#reader.isWithin && this.#isOver)\n",
  },
  {
    id: "transport-connect/trailers-lost",
    bug: "closes a stream before its status is out",
    file: `${SRC}/node-pipe-stream.ts`,
    find: "    this.#response.end();\n",
    replace: "    this.#response.end(() => this.#stream.close(0));\n",
  },
];
