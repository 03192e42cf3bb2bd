import type { IdentityRefusal, InstallSnapshot, Message, NodeId, PeerIdentity, Receiver } from "@eraft/core";
import { collect } from "../common/bytes.ts";
import { type Answer, type Body, type Question, agree, isAnswer, isQuestion, textOf } from "./messages.ts";

export interface ReceivedSnapshot {
  readonly header: InstallSnapshot;
  readonly bytes: Uint8Array;
}

export interface RecorderOwner {
  /** Something came in. */
  readonly changed: () => void;
  /** Sends an answer to a question that came in. */
  readonly answer: (question: Question, body: Body<Answer>) => void;
}

/** A server as its transport sees it: keeps what comes in, and answers every question. One for each run of the server. */
export class Recorder implements Receiver {
  readonly messages: Message[] = [];
  /** What they say. */
  readonly texts: Set<string> = new Set();
  /** The answers among them, by whose they are and their number. */
  readonly responses: Map<string, Message> = new Map();
  readonly snapshots: ReceivedSnapshot[] = [];
  /** Snapshots that were begun, whether or not they came to their end. */
  snapshotsBegun = 0;
  readonly unreached: NodeId[] = [];
  /** Peers whose connections broke. */
  readonly gone: NodeId[] = [];
  /** What peers said of themselves. */
  readonly introduced: { readonly peer: NodeId; readonly identity: PeerIdentity }[] = [];
  /** Peers that will not talk to this server. */
  readonly rejections: { readonly peer: NodeId; readonly refusal: IdentityRefusal }[] = [];
  /** What came in after `stop` had resolved. */
  readonly late: string[] = [];
  /** What to answer to a question, unless there is something in `answers` for it; null for never. */
  onRequest: (question: Question) => Body<Answer> | null = agree;
  /** What to answer to one question, by its text. */
  readonly answers: Map<string, Body<Answer>> = new Map();
  /** Whether to talk to a peer. */
  onIdentify: (peer: NodeId) => IdentityRefusal | null = () => null;
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
    this.#mustNotBeLate(`a ${message.type} of server ${message.from}`);
    this.messages.push(message);
    this.texts.add(textOf(message));
    if (isQuestion(message)) void this.#answerLater(message);
    if (isAnswer(message)) this.responses.set(`${message.from} ${message.sequence}`, message);
    this.#owner.changed();
  }

  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#mustNotBeLate(`a snapshot of server ${header.from}`);
    this.snapshotsBegun += 1;
    const snapshot = { header, bytes: await collect(chunks) };
    this.snapshots.push(snapshot);
    this.#owner.changed();
    await this.onSnapshot(snapshot);
    this.#answer(header);
  }

  unreachable(peer: NodeId): void {
    this.#mustNotBeLate(`a report that server ${peer} is unreachable`);
    this.unreached.push(peer);
    this.#owner.changed();
  }

  disconnected(peer: NodeId): void {
    this.#mustNotBeLate(`a report that server ${peer} is gone`);
    this.gone.push(peer);
    this.#owner.changed();
  }

  identify(peer: NodeId, identity: PeerIdentity): IdentityRefusal | null {
    this.introduced.push({ peer, identity });
    this.#owner.changed();
    return this.onIdentify(peer);
  }

  rejected(peer: NodeId, refusal: IdentityRefusal): void {
    this.#mustNotBeLate(`a rejection by server ${peer}`);
    this.rejections.push({ peer, refusal });
    this.#owner.changed();
  }

  #mustNotBeLate(what: string): void {
    if (this.#isStopped) this.late.push(what);
  }

  /** The port: answers come through `send` later, not from inside `receive`. */
  async #answerLater(question: Question): Promise<void> {
    await Promise.resolve();
    this.#answer(question);
  }

  #answer(question: Question): void {
    if (this.#isStopped) return;
    const body = this.answers.get(textOf(question)) ?? this.onRequest(question);
    if (body !== null) this.#owner.answer(question, body);
  }
}
