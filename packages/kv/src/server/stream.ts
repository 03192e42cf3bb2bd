import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  type StreamCall,
  type StreamReply,
  StreamReplySchema,
  type StreamRequest,
  type StreamResponse,
  StreamResponseSchema,
} from "@eraft/proto/eraft/kv/v1";
import type { Calls, Reply } from "./calls.ts";
import type { End } from "./end.ts";
import { connectError, stoppingFailure } from "./failure.ts";
import { Signal } from "./signal.ts";

/** Calls of one stream that are under way. Further requests are not read before there are fewer: the caller's own window then fills up. */
const MAX_UNDER_WAY = 8192;
/** A response ends when its replies have this many bytes, roughly. */
const RESPONSE_BYTES: number = 1 << 20;

/** Many calls over one stream. The replies that are there at a time go into one response. */
export class Stream {
  readonly #calls: Calls;
  readonly #end: End;
  readonly #signals = new Signal();
  readonly #room = new Signal();
  #replies: StreamReply[] = [];
  #underWay = 0;
  #isRead = false;
  #failure: Error | null = null;

  constructor(calls: Calls, end: End) {
    this.#calls = calls;
    this.#end = end;
  }

  async *serve(
    requests: AsyncIterable<StreamRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    const tell = (): void => this.#signals.tell();
    const letGo = this.#end.listen(tell);
    signal.addEventListener("abort", tell);
    void this.#read(requests);
    try {
      for (;;) {
        await this.#signals.told();
        if (signal.aborted) return;
        if (this.#failure !== null) throw this.#failure;
        while (this.#replies.length > 0) yield this.#response();
        if (this.#isRead && this.#underWay === 0) return;
        // What is under way is answered first: the end of the node answers all of it.
        if (this.#end.hasCome && this.#underWay === 0) throw connectError(stoppingFailure());
      }
    } finally {
      signal.removeEventListener("abort", tell);
      letGo();
      this.#underWay = 0;
      this.#room.tell();
    }
  }

  /** Never rejects. */
  async #read(requests: AsyncIterable<StreamRequest>): Promise<void> {
    try {
      for await (const { calls } of requests) {
        for (const call of calls) this.#start(call);
        while (this.#underWay >= MAX_UNDER_WAY) await this.#room.told();
      }
    } catch (error) {
      this.#failure = ConnectError.from(error);
    }
    this.#isRead = true;
    this.#signals.tell();
  }

  #start({ callId, call }: StreamCall): void {
    this.#underWay += 1;
    const answer = (reply: Reply): void => {
      this.#underWay -= 1;
      if (this.#underWay === MAX_UNDER_WAY - 1) this.#room.tell();
      if (this.#replies.push(create(StreamReplySchema, { callId, reply })) === 1) this.#signals.tell();
    };
    if (this.#end.hasCome) answer({ case: "failure", value: stoppingFailure() });
    else this.#calls.start(call, answer);
  }

  #response(): StreamResponse {
    let bytes = 0;
    let count = 0;
    for (const reply of this.#replies) {
      bytes += sizeOf(reply);
      if (count > 0 && bytes > RESPONSE_BYTES) break;
      count += 1;
    }
    const replies = count === this.#replies.length ? this.#replies : this.#replies.splice(0, count);
    if (replies === this.#replies) this.#replies = [];
    return create(StreamResponseSchema, { replies });
  }
}

function sizeOf({ reply }: StreamReply): number {
  switch (reply.case) {
    case "get":
    case "compareAndSwap":
      return 32 + (reply.value.item?.value.length ?? 0);
    case "scan":
      return reply.value.items.reduce((sum, { key, value }) => sum + 32 + key.length + value.length, 32);
    case "batch":
      return reply.value.results.reduce((sum, { item }) => sum + 32 + (item?.value.length ?? 0), 32);
    case "put":
    case "delete":
    case "failure":
    case undefined:
      return 32;
  }
}
