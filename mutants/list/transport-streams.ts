import type { Mutant } from "../src/mutant.ts";

const ENCODE_EXCHANGE = "packages/transport-connect/src/codec/peer/encode-exchange.ts";
const ENCODE_CHUNK = "packages/transport-connect/src/codec/peer/encode-chunk.ts";
const FIELDS = "packages/transport-connect/src/codec/peer/fields.ts";
const DECODE_EXCHANGE = "packages/transport-connect/src/codec/peer/decode-exchange.ts";

const SRC = "packages/transport-connect/src";
const LINK = `${SRC}/client/link.ts`;
const ATTEMPT = `${SRC}/client/attempt.ts`;
const QUEUE = `${SRC}/client/lane-queue.ts`;
const UNDER_WAY = `${SRC}/client/under-way.ts`;
const LANE = `${SRC}/client/peer-lane.ts`;
const UNARY_PART = `${SRC}/client/unary-part.ts`;
const PAUSES = `${SRC}/client/pauses.ts`;
const INBOUND = `${SRC}/server/inbound.ts`;
const INBOUND_STREAM = `${SRC}/server/inbound-stream.ts`;
const RECEPTION = `${SRC}/server/reception.ts`;
const HANDSHAKE = `${SRC}/stream/handshake.ts`;
const PRESENCE = `${SRC}/stream/presence.ts`;
const TRANSPORT = `${SRC}/connect-transport.ts`;
const DECODE = `${SRC}/codec/peer/decode-request.ts`;
const ENCODE = `${SRC}/codec/peer/encode-request.ts`;
const CONFIGURATION = `${SRC}/codec/configuration.ts`;

/** eraft.peer.v1: who may speak, what goes where, what a break costs, and what happens to peers that do not know it. */
export const TRANSPORT_STREAMS: readonly Mutant[] = [
  ...lanes(),
  ...reconnecting(),
  ...fallingBack(),
  ...introductions(),
  ...presence(),
  ...codec(),
];

function lanes(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/entries-on-control-lane",
      bug: "sends entries on the connection that heartbeats need",
      file: LANE,
      find: "const isBulk = item.sizeBytes > 0;",
      replace: "const isBulk = item.sizeBytes < 0;",
    },
    {
      id: "transport-connect/frames-without-bound",
      bug: "joins any number of requests into one message of a stream",
      file: QUEUE,
      find: "if (sizeBytes > 0 && sizeBytes + bytes > MAX_FRAME_BYTES) {",
      replace: "if (sizeBytes > MAX_FRAME_BYTES * 1e6) {",
    },
    {
      id: "transport-connect/one-frame-for-each-request",
      bug: "sends each request as a message of its own",
      file: QUEUE,
      find: "if (sizeBytes > 0 && sizeBytes + bytes > MAX_FRAME_BYTES) {",
      replace: "if (sizeBytes > 0) {",
    },
    {
      id: "transport-connect/unanswered-keep-their-places",
      bug: "keeps the places of requests that a later answer says have arrived",
      like: ["L17"],
      file: UNDER_WAY,
      find: "      this.#release(earlier);\n      if (earlier === sequence) return;\n",
      replace: "      if (earlier === sequence) return this.#release(earlier);\n",
    },
    {
      id: "transport-connect/unanswered-for-ever",
      bug: "keeps the places of requests that are never answered, until nothing can be sent any more",
      like: ["L17"],
      file: UNDER_WAY,
      find: "      if (sinceMs > untilMs) return;\n",
      replace: "      if (sinceMs > untilMs - 1e9) return;\n",
    },
    {
      id: "transport-connect/places-lost-with-stream",
      bug: "never gives back the places of what was on a stream that broke",
      like: ["etcd e419ba5"],
      file: QUEUE,
      find: "    this.#underWay.clear();\n",
      replace: "",
    },
    {
      id: "transport-connect/answers-on-bulk-lane",
      bug: "sends answers where they share the fate of the entries",
      file: INBOUND,
      find: "const stream = streams.get(Lane.CONTROL) ?? streams.get(Lane.BULK);",
      replace: "const stream = streams.get(Lane.BULK) ?? streams.get(Lane.CONTROL);",
    },
    {
      id: "transport-connect/unread-answers-without-bound",
      bug: "keeps any number of answers for a peer that does not read them",
      like: ["L17"],
      file: INBOUND,
      find: "if (stream.bufferedBytes > MAX_BUFFERED_BYTES) {",
      replace: "if (stream.bufferedBytes < 0) {",
    },
    {
      id: "transport-connect/older-stream-stays",
      bug: "keeps the stream that a newer one of the same peer has replaced",
      file: INBOUND,
      find: "    previous?.end(superseded(acquaintance));\n",
      replace: "    void previous;\n",
    },
    {
      id: "transport-connect/heard-after-the-end",
      bug: "receives what comes after a request that ended the stream",
      file: INBOUND_STREAM,
      find: "      if (this.#isOver) return;\n      this.#deliver(request, acquaintance);\n",
      replace: "      this.#deliver(request, acquaintance);\n",
    },
    {
      id: "transport-connect/lost-in-flight-not-reported",
      bug: "does not say that what was under way on a broken stream is lost",
      file: LANE,
      find: "    if (isLoss) this.#report(error);\n",
      replace: "    void isLoss;\n",
    },
  ];
}

function reconnecting(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/no-back-off",
      bug: "calls a peer that is down twenty times a second, for ever",
      like: ["L3"],
      file: PAUSES,
      find: "ms: Math.min(BROKEN_MIN_MS * 2 ** failures, BROKEN_MAX_MS)",
      replace: "ms: Math.min(BROKEN_MIN_MS * (1 + 0 * failures), BROKEN_MAX_MS)",
    },
    {
      id: "transport-connect/back-off-without-end",
      bug: "waits ever longer for a peer that is down",
      like: ["L21"],
      file: PAUSES,
      find: "ms: Math.min(BROKEN_MIN_MS * 2 ** failures, BROKEN_MAX_MS)",
      replace: "ms: Math.max(BROKEN_MIN_MS * 2 ** failures, BROKEN_MAX_MS / 1e3)",
    },
    {
      id: "transport-connect/called-with-each-message",
      bug: "calls a peer that is down with every message for it",
      like: ["L3"],
      file: LINK,
      find: "if (pausedMs < pausing.pause.onDemandMs) return pausing.error;",
      replace: "if (pausedMs < 0) return pausing.error;",
    },
    {
      id: "transport-connect/not-called-again",
      bug: "does not call a peer again, unless there is something for it",
      file: LINK,
      find: "const cancel = this.#isEager ? clock.after(pause.ms, () => this.nudge()) : () => {};",
      replace: "const cancel = this.#isEager ? () => {} : () => void pause.ms;",
    },
    {
      id: "transport-connect/waits-for-welcome",
      bug: "waits for ever for a peer that says nothing",
      like: ["L19"],
      file: ATTEMPT,
      find: '      this.fail(new PeerError("timeout", `${address}: no answer within ${handshakeMs} ms`)),\n',
      replace: "      void [address, handshakeMs],\n",
    },
    {
      id: "transport-connect/waits-for-hello",
      bug: "waits for ever for a caller that says nothing",
      like: ["L17"],
      file: RECEPTION,
      find: "      end(new ConnectError(`no hello within ${handshakeMs} ms`, Code.DeadlineExceeded)),\n",
      replace: "      void [end, handshakeMs],\n",
    },
    {
      id: "transport-connect/caller-not-called",
      bug: "waits out its pause although the peer has just called",
      file: TRANSPORT,
      find: "(peer) => this.#lanes.get(peer)?.nudge());",
      replace: "() => {});",
    },
    {
      id: "transport-connect/change-not-noticed",
      bug: "waits out its pause although the cluster has changed",
      file: TRANSPORT,
      find: "        lane.nudge();\n",
      replace: "        void lane.address;\n",
    },
    {
      id: "transport-connect/leaves-timers",
      bug: "calls peers again after it has stopped",
      like: ["L19"],
      file: LINK,
      find: "    this.#isClosed = true;\n    this.#openSinceMs = null;\n    this.#pausing?.cancel();\n",
      replace: "    this.#openSinceMs = null;\n",
    },
  ];
}

function fallingBack(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/every-peer-is-unary",
      bug: "says of peers that they know raftpb only before it knows",
      file: LANE,
      find: 'get isUnary(): boolean {\n    return this.#wire === "unary";',
      replace: 'get isUnary(): boolean {\n    return this.#wire !== "streams";',
    },
    {
      id: "transport-connect/waiting-lost-in-fallback",
      bug: "loses what has waited for a peer that then turns out to speak only raftpb",
      file: LANE,
      find: "for (const item of [...unsent, ...this.#bulk.drain()]) this.#unary.send(item);",
      replace: "void [unsent, this.#bulk.drain()];",
    },
    {
      id: "transport-connect/upgrade-unnoticed",
      bug: "goes on with unary calls to a peer that now speaks by streams",
      file: LANE,
      find: '    this.#wire = "streams";\n',
      replace: '    if (this.#wire === "asking") this.#wire = "streams";\n',
    },
    {
      id: "transport-connect/never-asked-again",
      bug: "does not ask a peer again that was away",
      file: LINK,
      find: 'if (this.#pausing?.error.code === "unsupported") this.nudge();',
      replace: 'if (this.#pausing?.error.code === "stopped") this.nudge();',
    },
    {
      id: "transport-connect/asked-again-all-the-time",
      bug: "asks a peer that is down again for each call that fails",
      like: ["L3"],
      file: LINK,
      find: 'if (this.#pausing?.error.code === "unsupported") this.nudge();',
      replace: "this.nudge();",
    },
    {
      id: "transport-connect/pre-vote-denied-for-go",
      bug: "has peers that do not know a PreVote say no, so that nobody can be elected beside them",
      file: UNARY_PART,
      find: 'if (type === "preVote") return { type: "preVoteResponse", ...envelope, voteGranted: true };',
      replace: 'if (type === "preVote") return { type: "preVoteResponse", ...envelope, voteGranted: false };',
    },
    {
      id: "transport-connect/configuration-stripped",
      bug: "sends a configuration entry to a peer that takes it for an empty command",
      file: UNARY_PART,
      find: "if (foreign === -1) return { ...item, message };",
      replace: "if (foreign >= -1) return { ...item, message };",
    },
    {
      id: "transport-connect/snapshot-members-stripped",
      bug: "sends a snapshot without its members to a peer that has no field for them",
      file: `${SRC}/client/unary-lane.ts`,
      find: "if (header.configuration !== undefined) {",
      replace: "if (header.configuration === null) {",
    },
    {
      id: "transport-connect/unary-numbers-meet-streams",
      bug: "numbers the requests of unary callers like those of streams",
      file: `${SRC}/server/exchanges.ts`,
      find: "#lastSequence: number = FIRST_UNARY_SEQUENCE;",
      replace: "#lastSequence: number = FIRST_UNARY_SEQUENCE - FIRST_UNARY_SEQUENCE;",
    },
    {
      id: "transport-connect/version-mismatch-silent",
      bug: "does not say that there is no version that both speak",
      file: LANE,
      find: 'if (this.#wire !== "unary" && !isUnimplemented(error)) this.#report(error);',
      replace: "void isUnimplemented(error);",
    },
  ];
}

function introductions(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/refused-is-heard",
      bug: "talks to a peer that the receiver has refused",
      like: ["S16"],
      file: HANDSHAKE,
      find: "    if (refusal !== null) return { isVouchedFor: false, error: rejectionError(peer, refusal) };\n",
      replace: "    void [refusal, rejectionError];\n",
    },
    {
      id: "transport-connect/strangers-may-stream",
      bug: "hears servers that are no peers, and that nobody vouches for",
      like: ["S16"],
      file: HANDSHAKE,
      find: "if (!isVouchedFor && !this.#self.isPeer(peer)) return denied(",
      replace: "if (isVouchedFor && !this.#self.isPeer(peer)) return denied(",
    },
    {
      id: "transport-connect/joiner-not-heard",
      bug: "does not hear a server of its cluster that is no peer yet",
      file: HANDSHAKE,
      find: "if (!isVouchedFor && !this.#self.isPeer(peer)) return denied(",
      replace: "if (!this.#self.isPeer(peer)) return denied(",
    },
    {
      id: "transport-connect/meant-for-another",
      bug: "takes messages that are meant for another server",
      file: HANDSHAKE,
      find: "if (hello.to !== BigInt(id)) {",
      replace: "if (hello.to < BigInt(0)) {",
    },
    {
      id: "transport-connect/welcomed-by-another",
      bug: "believes answers of another server than it called",
      file: HANDSHAKE,
      find: "if (welcome.from !== BigInt(peer)) {",
      replace: "if (welcome.from < BigInt(0)) {",
    },
    {
      id: "transport-connect/newer-version-spoken",
      bug: "speaks a version with a peer that one of them does not know",
      file: HANDSHAKE,
      find: "if (hello.versionMax < VERSIONS.min || hello.versionMin > VERSIONS.max) {",
      replace: "if (hello.versionMax < VERSIONS.min) {",
    },
    {
      id: "transport-connect/highest-version-welcomed",
      bug: "welcomes a peer in its own highest version, whatever the peer knows",
      file: HANDSHAKE,
      find: "const version = Math.min(VERSIONS.max, hello.versionMax);",
      replace: "const version = Math.max(VERSIONS.max, hello.versionMax);",
    },
    {
      id: "transport-connect/rejection-untold",
      bug: "does not tell a peer why it will not talk to it",
      file: ATTEMPT,
      find: "      this.#pipe?.write(this.#kind.farewell(rejectionOf(rejection)), 0);\n",
      replace: "      void rejectionOf(rejection);\n",
    },
    {
      id: "transport-connect/rejected-over-and-over",
      bug: "reports a rejection each time that the peer repeats it",
      file: `${SRC}/stream/rejections.ts`,
      find: "    if (this.#heard.get(peer) === refusal) return;\n",
      replace: "",
    },
    {
      id: "transport-connect/rejection-retried-at-once",
      bug: "calls a peer that will not talk to it as often as one that is down",
      like: ["L3"],
      file: PAUSES,
      find: "  if (isRejected) return REJECTED;\n",
      replace: "  void isRejected;\n",
    },
    {
      id: "transport-connect/removed-peer-heard",
      bug: "goes on to hear a server that was removed",
      like: ["S16"],
      file: INBOUND,
      find: "      if (isPeer(peer)) continue;\n",
      replace: "      if (isPeer(peer) || peer >= 0) continue;\n",
    },
    {
      id: "transport-connect/vouched-for-in-vain",
      bug: "cuts off a server of its cluster that was removed but not refused",
      file: INBOUND,
      find: "        if (stream.isVouchedFor) continue;\n",
      replace: "",
    },
  ];
}

function presence(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/gone-with-any-connection",
      bug: "takes a peer for gone when one of its connections breaks",
      file: PRESENCE,
      find: "if (!visit.ways.delete(way) || visit.ways.size > 0 || this.#visits.get(peer) !== visit) return;",
      replace: "if (!visit.ways.delete(way) || this.#visits.get(peer) !== visit) return;",
    },
    {
      id: "transport-connect/let-go-is-gone",
      bug: "takes a peer for gone whose connections it has closed itself",
      file: PRESENCE,
      find: "if (!isOurs) this.#disconnected(peer);",
      replace: "if (!isOurs || isOurs) this.#disconnected(peer);",
    },
    {
      id: "transport-connect/restart-unnoticed",
      bug: "takes a peer that has restarted for the one that was there before",
      file: PRESENCE,
      find: "if (known !== undefined && known.run !== run) this.#supersede(peer, known);",
      replace: "void [known, run];",
    },
    {
      id: "transport-connect/closing-port-is-gone",
      bug: "takes its peers for gone when it closes its own port",
      file: INBOUND_STREAM,
      find: "    this.#close(isOurs);\n  }\n\n  #introduced",
      replace: "    this.#close(isOurs && false);\n  }\n\n  #introduced",
    },
  ];
}

function codec(): readonly Mutant[] {
  return [
    {
      id: "transport-connect/streamed-commit-uncapped-out",
      bug: "sends a leader_commit beyond the entries that fit into the message, over a stream",
      like: ["S4"],
      file: ENCODE,
      find: "leaderCommit: BigInt(Math.min(message.leaderCommit, message.prevLogIndex + entries.length)),",
      replace: "leaderCommit: BigInt(message.leaderCommit),",
    },
    {
      id: "transport-connect/streamed-commit-uncapped-in",
      bug: "believes a leader_commit beyond what a streamed message verifies",
      like: ["S4"],
      file: DECODE,
      find: "if (leaderCommit > lastIndex) {",
      replace: "if (leaderCommit > lastIndex + 1e15) {",
    },
    {
      id: "transport-connect/default-term-of-entry-before",
      bug: "takes an entry without a term for one of the term before it",
      file: DECODE,
      find: "const term = wire.term === 0n ? requestTerm : Number(wire.term);",
      replace: "const term = wire.term === 0n ? previousTerm : Number(wire.term);",
    },
    {
      id: "transport-connect/first-pre-vote-refused",
      bug: "refuses the pre-vote of a server that has never heard of an election",
      file: DECODE,
      find: 'const termMin = wire.body.case === "preVote" ? 0 : 1;',
      replace: "const termMin = 1;",
    },
    {
      id: "transport-connect/transfer-forgotten",
      bug: "forgets that the leader itself asked for an election",
      file: DECODE,
      find: "return body.value.leadershipTransfer ? { ...vote, leadershipTransfer: true } : vote;",
      replace: "return vote;",
    },
    {
      id: "transport-connect/unknown-standing-votes",
      bug: "takes a member of a standing that it does not know for a voter",
      file: CONFIGURATION,
      find: "const standing = FROM_WIRE.get(wire.standing);",
      replace: 'const standing = FROM_WIRE.get(wire.standing) ?? "voter";',
    },
    {
      id: "transport-connect/members-twice",
      bug: "lets a configuration in that names a member twice",
      file: CONFIGURATION,
      find: "if (member.id <= previousId) return",
      replace: "if (member.id < previousId) return",
    },
    {
      id: "transport-connect/unnamed-disk-is-a-name",
      bug: "takes a disk whose name is not known for one whose name is empty",
      file: CONFIGURATION,
      find: 'const incarnation = wire.incarnation === "" ? null : wire.incarnation;',
      replace: "const incarnation = wire.incarnation;",
    },
    {
      id: "transport-connect/shared-memory-without-bound",
      bug: "keeps all small commands of a message in memory for the last of them",
      like: ["L17"],
      file: `${SRC}/codec/own-bytes.ts`,
      find: "const SHARED_BYTES = 16_384;",
      replace: "const SHARED_BYTES = 16_384_000;",
    },
    {
      id: "transport-connect/own-decoder-without-bound",
      bug: "keeps a message of megabytes in memory for one small command of it",
      like: ["L17"],
      file: DECODE_EXCHANGE,
      find: "this.#bytes.subarray(from, Math.min(endOfAll, from + SHARED_BYTES))",
      replace: "this.#bytes.subarray(from, endOfAll)",
    },
    {
      id: "transport-connect/own-decoder-keeps-chunk",
      bug: "takes commands for ones that have memory of their own, however much stands around them",
      like: ["L17"],
      file: `${SRC}/codec/own-bytes.ts`,
      find: "if (command.buffer.byteLength <= SHARED_BYTES) return command;",
      replace: "if (command.byteLength <= SHARED_BYTES) return command;",
    },
    {
      id: "transport-connect/own-decoder-shifted",
      bug: "reads a command from where an earlier one stood",
      file: DECODE_EXCHANGE,
      find: "      this.#roomFrom = from;\n",
      replace: "",
    },
    {
      id: "transport-connect/own-decoder-cuts-numbers",
      bug: "takes a number of more than 32 bits for none",
      file: DECODE_EXCHANGE,
      find: "const MAX_FACTOR = 0x80 ** 7;",
      replace: "const MAX_FACTOR = 0x80 ** 3;",
    },
    {
      id: "transport-connect/own-decoder-last-append-counts",
      bug: "takes the last body of two, where all others join them",
      file: DECODE_EXCHANGE,
      find: "tag === APPEND_ENTRIES && append === null",
      replace: "tag === APPEND_ENTRIES",
    },
    {
      id: "transport-connect/own-decoder-unsafe-numbers",
      bug: "reads numbers that it cannot tell apart",
      file: DECODE_EXCHANGE,
      find: "return value <= Number.MAX_SAFE_INTEGER ? value : this.#fail();",
      replace: "return value;",
    },
    {
      id: "transport-connect/own-encoder-writes-zeros",
      bug: "writes fields that protobuf leaves out, so that the lengths are wrong",
      file: FIELDS,
      find: "    if (number === 0) return;\n    this.#byte(tag);\n    this.#varint",
      replace: "    this.#byte(tag);\n    this.#varint",
    },
    {
      id: "transport-connect/own-encoder-cuts-numbers",
      bug: "cuts numbers to 32 bits",
      file: FIELDS,
      find: "    let rest = value;\n    for (; rest >= 0x80;",
      replace: "    let rest = value % 2 ** 32;\n    for (; rest >= 0x80;",
    },
    {
      id: "transport-connect/own-encoder-drops-configurations",
      bug: "sends the entry of a configuration without the configuration",
      file: ENCODE_EXCHANGE,
      find: "if (entry.configuration !== undefined) return null;",
      replace: "void entry.configuration;",
    },
    {
      id: "transport-connect/own-encoder-drops-votes",
      bug: "sends every frame without what is not about entries",
      file: ENCODE_EXCHANGE,
      find: "    if (found === null) return null;\n",
      replace: "    if (found === null) continue;\n",
    },
    {
      id: "transport-connect/own-encoder-miscounts",
      bug: "takes lengths from 16 KiB on for a byte shorter",
      file: FIELDS,
      find: "for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;",
      replace: "for (let rest = value; rest >= 0x80 && size < 2; rest = Math.floor(rest / 0x80)) size += 1;",
    },
    {
      id: "transport-connect/own-encoder-drops-hellos",
      bug: "sends the first message of a snapshot without saying whose it is",
      file: ENCODE_CHUNK,
      find: "if (chunk === undefined || isMore) return null;",
      replace: "if (chunk === undefined || (isMore && hello === undefined)) return null;",
    },
    {
      id: "transport-connect/own-encoder-turns-checksums",
      bug: "writes the checksum of a chunk with its first byte last",
      file: FIELDS,
      find: "this.#byte((value >>> shift) & 0xff);",
      replace: "this.#byte((value >>> (24 - shift)) & 0xff);",
    },
  ];
}
