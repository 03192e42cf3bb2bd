import type { Mutant } from "../src/mutant.ts";

const SRC = "packages/http2/src";
const REQUESTS = `${SRC}/connection/requests.ts`;
const CONNECTION = `${SRC}/connection/connection.ts`;
const CONTROL = `${SRC}/connection/control-frames.ts`;
const SENDER = `${SRC}/connection/sender.ts`;
const READER = `${SRC}/frames/frame-reader.ts`;
const DECODER = `${SRC}/hpack/decoder.ts`;
const ENCODER = `${SRC}/hpack/encoder.ts`;

/** The HTTP/2 server: what it makes of bytes, of windows, and of clients that mean no good. */
export const HTTP2: readonly Mutant[] = [
  {
    id: "http2/head-of-another-table",
    bug: "takes a block of headers for the one with the same bytes, though the table has changed since",
    file: `${SRC}/head-cache.ts`,
    find: "if (slot === undefined || slot.changes !== this.#decoder.changes) return null;",
    replace: "if (slot === undefined) return null;",
  },
  {
    id: "http2/refused-headers-not-decoded",
    bug: "stops to decode a block at the headers that are too many, so that the table misses what follows",
    file: DECODER,
    find: "      if (pairs <= this.#limits.maxHeaderPairs && listBytes <= this.#limits.maxHeaderBytes) {\n",
    replace:
      "      if (pairs > this.#limits.maxHeaderPairs) return null;\n      if (listBytes <= this.#limits.maxHeaderBytes) {\n",
  },
  {
    id: "http2/table-without-bound",
    bug: "lets a client choose how much memory its headers take",
    file: DECODER,
    find: 'if (maxBytes > MAX_TABLE_BYTES) throw faulty("a table of headers larger than allowed");',
    replace: "",
  },
  {
    id: "http2/table-of-client-ignored",
    bug: "sends indexes of headers that the client has no room for",
    file: ENCODER,
    find: "    for (const maxBytes of smallest < last ? [smallest, last] : [last]) {\n      this.#table.resize(maxBytes);\n",
    replace: "    for (const maxBytes of smallest < last ? [smallest, last] : [last]) {\n",
  },
  {
    id: "http2/kept-block-outlives-table",
    bug: "sends the indexes of a time when other headers had them",
    file: ENCODER,
    find: "kept.list === list && kept.changes === changes && kept.date === date",
    replace: "kept.list === list && kept.changes <= changes && kept.date === date",
  },
  {
    id: "http2/frame-of-any-size",
    bug: "keeps frames of any size in memory until they are complete",
    file: READER,
    find: "if (length <= MAX_FRAME_BYTES) return length;",
    replace: "if (length <= MAX_FRAME_BYTES * 1024) return length;",
  },
  {
    id: "http2/cut-frame-lost",
    bug: "loses its place when a chunk ends within the header of a frame",
    file: READER,
    find: "        this.#kept = Buffer.allocUnsafeSlow(length);\n        this.#kept.set(header);\n",
    replace:
      "        this.#kept = Buffer.allocUnsafeSlow(length).fill(header);\n        this.#keptBytes = length;\n",
  },
  {
    id: "http2/window-of-connection-ignored",
    bug: "sends more than the client's window of the connection allows",
    file: SENDER,
    find: "        this.#maxFrameBytes,\n        this.#window,\n",
    replace: "        this.#maxFrameBytes,\n",
  },
  {
    id: "http2/window-of-stream-ignored",
    bug: "sends small answers whatever the window of their stream",
    file: SENDER,
    find: "bytes > this.#window || bytes > stream.sendWindow",
    replace: "bytes > this.#window",
  },
  {
    id: "http2/first-window-for-new-streams-only",
    bug: "overlooks that a new first window counts for streams that are open",
    file: SENDER,
    find: "      stream.sendWindow += more;\n",
    replace: "",
  },
  {
    id: "http2/answer-stuck-after-its-turn",
    bug: "forgets a large answer after its first turn",
    file: SENDER,
    find: "        if (stream.sendWindow > 0) this.#waiting.add(stream);\n",
    replace: "",
  },
  {
    id: "http2/slow-client-kept-in-memory",
    bug: "gives the socket more and more of what the client does not read",
    file: SENDER,
    find: "    if (this.#outbox.isFull) {\n",
    replace: "    if (this.#outbox.isFull && stream.isClosed) {\n",
  },
  {
    id: "http2/client-beyond-its-window",
    bug: "takes more of a client than its window",
    file: REQUESTS,
    find: "    if (stream.receiveWindow < 0) {\n",
    replace: "    if (stream.receiveWindow < -1e9) {\n",
  },
  {
    id: "http2/read-before-it-is-read",
    bug: "lets a client send on before what it has sent is read",
    file: REQUESTS,
    find: "const creditBytes = isKept ? frameBytes - length : frameBytes;",
    replace: "const creditBytes = frameBytes;",
  },
  {
    id: "http2/resets-for-nothing",
    bug: "lets a client open and reset requests for as long as it likes",
    file: REQUESTS,
    find: "    this.#takeReset();\n    this.#closeStream(stream, bytes.readUInt32BE(from));\n",
    replace: "    this.#closeStream(stream, bytes.readUInt32BE(from));\n",
  },
  {
    id: "http2/pings-without-bound",
    bug: "keeps answers to pings for a client that does not read them",
    file: CONTROL,
    find: "if (this.#waitingAcks > MAX_WAITING_ACKS) {",
    replace: "if (this.#waitingAcks > MAX_WAITING_ACKS * 1000) {",
  },
  {
    id: "http2/any-number-of-requests",
    bug: "serves more requests at a time than it says",
    file: REQUESTS,
    find: "if (this.#streams.size >= this.#host.limits.maxConcurrentStreams) {",
    replace: "if (this.#streams.size >= this.#host.limits.maxConcurrentStreams * 2) {",
  },
  {
    id: "http2/goodbye-without-warning",
    bug: "names the last request before the client knows that it should send no more",
    file: CONNECTION,
    find: "    this.#control.goaway(MAX_STREAM_ID, ErrorCode.noError);\n",
    replace: "    this.#drain();\n",
  },
  {
    id: "http2/late-request-served",
    bug: "serves requests after it has said which one was the last",
    file: REQUESTS,
    find: "if (this.isDraining) return this.#refuse(streamId, ErrorCode.refusedStream);",
    replace: "",
  },
  {
    id: "http2/endless-headers",
    bug: "collects headers that never end",
    file: `${SRC}/connection/header-blocks.ts`,
    find: "if (this.#bytes > this.#maxBytes || this.#parts.length > MAX_FRAMES) {",
    replace: "if (this.#bytes > this.#maxBytes * 1000) {",
  },
  {
    id: "http2/line-break-in-value",
    bug: "lets a line break through in a header's value, and with it a header that another server on the way would read",
    file: "packages/http2/src/hpack/header-list.ts",
    find: 'const BREAKS = ["\\0", "\\r", "\\n"];',
    replace: 'const BREAKS = ["\\0", "\\r"];',
  },
  {
    id: "http2/ended-stream-keeps-listener",
    bug: "keeps whoever has served a request for as long as anything names its stream",
    file: REQUESTS,
    find: "    stream.listener = NOBODY;\n",
    replace: "",
  },
];
