import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CommandResponse, CommandResponseSchema, Op } from "@eraft/proto/kvraftpb";
import { byteStringOf, isText, writeByteString } from "../state/byte-string.ts";
import { type Located, locate } from "../state/command-bytes.ts";
import { type KvLimits, sizesFault } from "../state/command.ts";
import { faultMessage } from "../state/fault-message.ts";
import type { Item } from "../state/items.ts";
import { WRITTEN, refused } from "../state/result.ts";
import type { Value } from "../state/value.ts";
import { errorResponse, response, resultResponse, textResult } from "./kvraft-answers.ts";
import { type KvCallContext, consistencyOf } from "./kvraft-context.ts";
import type { NextLeader } from "./next-leader.ts";
import type { KvNode } from "./node.ts";
import { TextReads } from "./text-reads.ts";
import type { TimeLimits } from "./time-limits.ts";

/** `kvraftpb.KVService/Command` from bytes to bytes. What it does not take is for those who make messages of them. */
export class KvraftBytes {
  readonly #node: KvNode;
  readonly #sizes: KvLimits;
  readonly #limits: TimeLimits;
  readonly #reads: TextReads;
  readonly #nextLeader: NextLeader;

  constructor(node: KvNode, sizes: KvLimits, limits: TimeLimits, nextLeader: NextLeader) {
    this.#node = node;
    this.#sizes = sizes;
    this.#limits = limits;
    this.#reads = new TextReads(node, limits);
    this.#nextLeader = nextLeader;
  }

  /** Null for a request that is no command, or not written as most are. Keeps nothing of `bytes`. */
  handle(bytes: Uint8Array, context: KvCallContext): Promise<Uint8Array> | null {
    const located = locate(bytes);
    if (located === null) return null;
    const { op, keyFrom, keyTo, valueFrom, valueTo } = located;
    const fault = sizesFault(op, keyTo - keyFrom, valueTo - valueFrom, this.#sizes);
    if (fault !== null) throw new ConnectError(faultMessage(fault, this.#sizes), Code.InvalidArgument);
    const failed = (error: unknown): Promise<Uint8Array> => this.#failed(error, context);
    if (op === Op.GET) return this.#get(bytes, located, context).then(itemAnswer, failed);
    // They are what `encodeCommand` would make of the request: that is what `locate` looks for.
    return this.#limits
      .run(context, (signal) => this.#node.propose(bytes, { signal }))
      .then(writtenAnswer, failed);
  }

  async #failed(error: unknown, context: KvCallContext): Promise<Uint8Array> {
    return encode(errorResponse(await this.#nextLeader.errorFor(error, context.signal), context));
  }

  #get(
    bytes: Uint8Array,
    { keyFrom, keyTo }: Located,
    context: KvCallContext,
  ): Promise<Item | undefined | null> {
    const consistency = consistencyOf(context);
    const key = byteStringOf(bytes.subarray(keyFrom, keyTo));
    return this.#limits.run(context, () => this.#reads.read(key, consistency));
  }
}

function writtenAnswer(result: unknown): Uint8Array {
  if (result === WRITTEN) return WRITTEN_BYTES;
  return encode(result === null ? response("ErrTimeout") : resultResponse(textResult(result)));
}

function itemAnswer(item: Item | undefined | null): Uint8Array {
  if (item === null) return encode(response("ErrTimeout"));
  if (item === undefined) return NO_KEY_BYTES;
  if (!isText(item.value)) return encode(resultResponse(refused("notText")));
  return valueAnswer(item.value);
}

/** As protobuf-es writes it: err, and value unless that is empty. */
function valueAnswer(value: Value): Uint8Array {
  const { length } = value;
  if (length === 0) return WRITTEN_BYTES;
  const lengthBytes = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4;
  const start = WRITTEN_BYTES.length + 1 + lengthBytes;
  const bytes = new Uint8Array(start + length);
  bytes.set(WRITTEN_BYTES);
  bytes[WRITTEN_BYTES.length] = VALUE_TAG;
  let rest = length;
  for (let at = WRITTEN_BYTES.length + 1; at < start; at += 1) {
    bytes[at] = (rest & 0x7f) | (at === start - 1 ? 0 : 0x80);
    rest >>>= 7;
  }
  if (typeof value === "string") writeByteString(value, bytes, start);
  else bytes.set(value, start);
  return bytes;
}

function encode(message: CommandResponse): Uint8Array {
  return toBinary(CommandResponseSchema, message);
}

/** The tag of `value` in an answer. */
const VALUE_TAG = 0x12;

/** The answer to nearly every write. */
const WRITTEN_BYTES = encode(response("OK"));
const NO_KEY_BYTES = encode(response("ErrNoKey"));
