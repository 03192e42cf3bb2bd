import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { KvService, StreamReply, StreamRequestSchema } from "@eraft/proto/eraft/kv/v1";

export interface LinkOwner {
  /** What is to be sent now; null if nothing is. */
  readonly take: () => MessageInitShape<typeof StreamRequestSchema> | null;
  readonly replied: (link: StreamLink, replies: readonly StreamReply[]) => void;
  /** It is over, and what has no reply will get none. */
  readonly failed: (link: StreamLink, error: unknown) => void;
}

/** One `Stream` RPC to one server. */
export class StreamLink {
  readonly #owner: LinkOwner;
  readonly #controller = new AbortController();
  #idle: PromiseWithResolvers<void> | null = null;
  #isOver = false;
  /** Whether the server has ever replied. */
  hasReplied = false;

  constructor(client: Client<typeof KvService>, owner: LinkOwner) {
    this.#owner = owner;
    void this.#run(client);
  }

  /** There may be something to send. */
  wake(): void {
    this.#idle?.resolve();
    this.#idle = null;
  }

  /** Nothing is told of it any more. */
  close(): void {
    this.#isOver = true;
    this.#controller.abort(new Error("the stream is not needed any more"));
    this.wake();
  }

  async #run(client: Client<typeof KvService>): Promise<void> {
    try {
      const { signal } = this.#controller;
      for await (const { replies } of client.stream(this.#requests(), { signal })) {
        if (this.#isOver) return;
        this.hasReplied = true;
        this.#owner.replied(this, replies);
      }
      throw new Error("the server has ended the stream");
    } catch (error) {
      if (!this.#isOver) this.#owner.failed(this, error);
    }
  }

  /** What gathers while a message is being written goes into the next one. */
  async *#requests(): AsyncGenerator<MessageInitShape<typeof StreamRequestSchema>> {
    while (!this.#isOver) {
      const message = this.#owner.take();
      if (message !== null) {
        yield message;
        continue;
      }
      this.#idle = Promise.withResolvers<void>();
      await this.#idle.promise;
    }
  }
}
