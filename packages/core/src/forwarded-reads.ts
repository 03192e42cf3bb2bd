import type { RequestId } from "./effects.ts";
import type { ReadIndexResponse } from "./messages.ts";
import type { Server } from "./server.ts";
import type { NodeId } from "./types.ts";

/** Reads for which the leader has been asked, together, for a read index. */
interface Question {
  readonly ids: readonly RequestId[];
  readonly leaderId: NodeId;
  /**
   * The numbers under which the leader was asked: each time after all these reads came in. Not those that a server counts from 1 after each start:
   *
   * 1. B asks leader A under number 9, and crashes. A's answer, "index 5", is delayed.
   * 2. B restarts and counts from 1. Entry 6 is committed, a client reads at B, and B asks under number 1.
   * 3. The answer to number 9 comes in, as new as any. B would serve a read without entry 6.
   */
  readonly nonces: Set<number>;
  ticks: number;
}

/**
 * Linearizable reads on a follower (dissertation, 6.4): the leader says which index is new enough, and the follower reads its own state once
 * that has got there. One question at a time: what arrives meanwhile shares the next one.
 */
export class ForwardedReads {
  readonly #server: Server;
  #waiting: RequestId[] = [];
  #question: Question | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  add(id: RequestId): void {
    this.#waiting.push(id);
  }

  flush(): void {
    if (this.#question !== null || this.#waiting.length === 0) return;
    const leaderId = this.#server.knownLeaderId;
    if (leaderId === null) {
      this.end();
      return;
    }
    this.#question = {
      ids: this.#waiting,
      leaderId,
      nonces: new Set(),
      ticks: 0,
    };
    this.#waiting = [];
    this.#ask(this.#question);
  }

  tick(): void {
    const question = this.#question;
    if (question === null) return;
    const { electionTimeoutTicksMin, heartbeatTicks } = this.#server.config;
    question.ticks += 1;
    if (question.ticks >= electionTimeoutTicksMin) this.#fail(question);
    else if (question.ticks % heartbeatTicks === 0) this.#ask(question);
  }

  answered({ from, sequence, readIndex }: ReadIndexResponse): void {
    const question = this.#question;
    if (question === null || from !== question.leaderId || !question.nonces.has(sequence)) return;
    if (readIndex < 0) {
      this.#fail(question);
      return;
    }
    this.#question = null;
    for (const id of question.ids) this.#server.readAt(id, readIndex);
  }

  /** Nobody will answer any more. */
  end(): void {
    const ids = [...(this.#question?.ids ?? []), ...this.#waiting];
    this.#question = null;
    this.#waiting = [];
    this.#reject(ids);
  }

  #fail(question: Question): void {
    this.#question = null;
    this.#reject(question.ids);
  }

  #reject(ids: readonly RequestId[]): void {
    const { outbox, knownLeaderId } = this.#server;
    for (const id of ids) outbox.outcomes.push({ type: "notLeader", id, leaderId: knownLeaderId });
  }

  #ask({ leaderId, nonces }: Question): void {
    const { id, term } = this.#server;
    const sequence = this.#server.nextNonce();
    nonces.add(sequence);
    this.#server.sendInDurableTerm({ type: "readIndex", from: id, to: leaderId, term, sequence });
  }
}
