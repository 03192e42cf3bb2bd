import type { InstallSnapshot, Message, NodeId, Receiver, Request, Response } from "@eraft/core";
import { collect } from "../common/bytes.ts";
import { type Body, agree, isRequest, textOf } from "./messages.ts";

export interface ReceivedSnapshot {
  readonly header: InstallSnapshot;
  readonly bytes: Uint8Array;
}

export interface RecorderOwner {
  /** Something came in. */
  readonly changed: () => void;
  /** Sends an answer to a request that came in. */
  readonly answer: (request: Request, body: Body<Response>) => void;
}

/** A server as its transport sees it: keeps what comes in, and answers every request. One for each run of the server. */
export class Recorder implements Receiver {
  readonly messages: Message[] = [];
  /** The requests among them, by what they say. */
  readonly requests: Map<string, Request> = new Map();
  /** The responses among them, by whose they are and their number. */
  readonly responses: Map<string, Message> = new Map();
  readonly snapshots: ReceivedSnapshot[] = [];
  readonly unreached: NodeId[] = [];
  /** What came in after `stop` had resolved. */
  readonly late: string[] = [];
  /** What to answer to a request, unless there is something in `answers` for it; null for never. */
  onRequest: (request: Request) => Body<Response> | null = agree;
  /** What to answer to one request, by its text. */
  readonly answers: Map<string, Body<Response>> = new Map();
  /** What to do with a snapshot that was read, before it is answered. A rejection means that it could not be stored. */
  onSnapshot: (snapshot: ReceivedSnapshot) => Promise<void> | void = () => {};
  readonly #owner: RecorderOwner;
  #isStopped = false;

  constructor(owner: RecorderOwner) {
    this.#owner = owner;
  }

  /** From now on nothing may come in. */
  stopped(): void {
    this.#isStopped = true;
  }

  receive(message: Message): void {
    if (this.#isStopped) this.late.push(`a ${message.type} of server ${message.from}`);
    this.messages.push(message);
    if (isRequest(message)) {
      this.requests.set(textOf(message), message);
      void this.#answerLater(message);
    } else {
      this.responses.set(`${message.from} ${message.sequence}`, message);
    }
    this.#owner.changed();
  }

  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#isStopped) this.late.push(`a snapshot of server ${header.from}`);
    const snapshot = { header, bytes: await collect(chunks) };
    this.snapshots.push(snapshot);
    this.#owner.changed();
    await this.onSnapshot(snapshot);
    this.#answer(header);
  }

  unreachable(peer: NodeId): void {
    if (this.#isStopped) this.late.push(`a report that server ${peer} is unreachable`);
    this.unreached.push(peer);
    this.#owner.changed();
  }

  /** The port: answers come through `send` later, not from inside `receive`. */
  async #answerLater(request: Request): Promise<void> {
    await Promise.resolve();
    this.#answer(request);
  }

  #answer(request: Request): void {
    if (this.#isStopped) return;
    const body = this.answers.get(textOf(request)) ?? this.onRequest(request);
    if (body !== null) this.#owner.answer(request, body);
  }
}
