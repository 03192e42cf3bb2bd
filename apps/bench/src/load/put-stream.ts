import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { Fields } from "../systems/protobuf.ts";
import type { ClusterNode } from "../systems/cluster.ts";
import { countReplies, putRequests } from "./stream-messages.ts";

/** As many writes of one session may be without an answer; the servers say so. */
export const SESSION_WINDOW = 1024;

const SERVICE = "/eraft.kv.v1.KvService";
const FRAME_BYTES = 5;

export interface PutStreamPlan {
  readonly keys: number;
  readonly valueBytes: number;
}

/**
 * Puts over one stream of `eraft.kv.v1`, exactly once by their session, as many under way as a session allows. Put number i, from 0 on, is of key i modulo `keys`,
 * and has the value number i. A message carries all for which there is room when an answer comes.
 */
export class PutStream {
  readonly #plan: PutStreamPlan;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #sessionId: number;
  readonly #ended: Promise<void>;
  /** Bytes of an answer that has not come to its end. */
  #rest: Buffer = Buffer.alloc(0);
  #sent = 0;
  #acknowledged = 0;
  #isSending = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  private constructor(node: ClusterNode, plan: PutStreamPlan, sessionId: number) {
    this.#plan = plan;
    this.#sessionId = sessionId;
    this.#session = connect(`http://${node.address}`, { settings: { initialWindowSize: 1 << 20 } });
    this.#session.on("error", (error) => this.#fail(error));
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": `${SERVICE}/Stream`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    this.#stream.on("data", (chunk: Buffer) => this.#received(chunk));
    this.#stream.on("error", (error) => this.#fail(error));
    this.#stream.on("trailers", (trailers) => {
      if (trailers["grpc-status"] !== "0")
        this.#fail(new Error(`the stream ended: ${String(trailers["grpc-message"])}`));
    });
    this.#ended = new Promise((resolve) => void this.#stream.once("close", resolve));
  }

  static async open(node: ClusterNode, plan: PutStreamPlan): Promise<PutStream> {
    const answer = await node.client.call(`${SERVICE}/OpenSession`, new Uint8Array(0), { timeoutMs: 5000 });
    return new PutStream(node, plan, Number(new Fields(answer).number(1)));
  }

  /** How many were acknowledged, all of those before them included. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Sends for so long, then waits for all answers. Resolves with how many were acknowledged in which time. Throws for anything but acknowledgements. */
  async run(seconds: number): Promise<{ readonly puts: number; readonly seconds: number }> {
    const before = this.#acknowledged;
    const beginsMs = performance.now();
    this.#isSending = true;
    this.#fill();
    const end = setTimeout(() => (this.#isSending = false), seconds * 1000);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(end);
    if (this.#failure !== null) throw this.#failure;
    return { puts: this.#acknowledged - before, seconds: (performance.now() - beginsMs) / 1000 };
  }

  async close(): Promise<void> {
    this.#stream.end();
    await this.#ended;
    this.#session.close();
  }

  /** Sends as many as there is room for, as one message. */
  #fill(): void {
    const room = this.#acknowledged + SESSION_WINDOW - this.#sent;
    const { keys, valueBytes } = this.#plan;
    const puts = { sessionId: this.#sessionId, keys, valueBytes };
    const from = this.#sent;
    this.#sent += room;
    this.#stream.write(putRequests(puts, from, this.#sent, this.#acknowledged + 1));
  }

  #received(chunk: Buffer): void {
    try {
      let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      while (bytes.length >= FRAME_BYTES && bytes.length >= FRAME_BYTES + bytes.readUInt32BE(1)) {
        const end = FRAME_BYTES + bytes.readUInt32BE(1);
        this.#acknowledged += countReplies(bytes.subarray(FRAME_BYTES, end), this.#acknowledged + 1);
        bytes = bytes.subarray(end);
      }
      this.#rest = bytes;
    } catch (error) {
      return this.#fail(error as Error);
    }
    if (this.#acknowledged === this.#sent && !this.#isSending) this.#wake?.();
    else if (this.#isSending) this.#fill();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#isSending = false;
    this.#wake?.();
  }
}
