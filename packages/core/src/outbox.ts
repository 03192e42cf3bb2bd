import type { Alert, Outcome, SnapshotRequest } from "./effects.ts";
import type { Message } from "./messages.ts";

/**
 * What waits to leave the server. A message that promises something waits here until that is durable, so the order "write, then answer"
 * (dissertation, Figure 3.1: "updated on stable storage before responding to RPCs") is the only one there is.
 */
export class Outbox {
  /** May leave now. */
  messages: Message[] = [];
  outcomes: Outcome[] = [];
  snapshots: SnapshotRequest[] = [];
  alerts: Alert[] = [];
  /** Leaves when the storage operation under way is done. */
  #onDone: Message[] = [];
  /** Leaves when all that is not yet handed to the storage is done. */
  #onNext: Message[] = [];

  /** Queues a message that promises durability of all that the server has decided so far. */
  promise(message: Message, { unwritten, writing }: { unwritten: boolean; writing: boolean }): void {
    if (unwritten) this.#onNext.push(message);
    else if (writing) this.#onDone.push(message);
    else this.messages.push(message);
  }

  /** Everything decided so far has been handed to the storage. */
  handedOver(): void {
    this.#onDone.push(...this.#onNext);
    this.#onNext = [];
  }

  /** The storage operation under way is done. */
  done(): void {
    this.messages.push(...this.#onDone);
    this.#onDone = [];
  }

  /**
   * Forgets what was asked in older terms. A disk that hangs over several elections would otherwise release it all at once when it comes back.
   */
  dropStaleQuestions(term: number): void {
    const current = (message: Message): boolean =>
      message.term === term ||
      (message.type !== "requestVote" && message.type !== "preVote" && message.type !== "readIndex");
    this.#onDone = this.#onDone.filter(current);
    this.#onNext = this.#onNext.filter(current);
  }

  /** True when `drain` would return something. */
  get pending(): boolean {
    return this.messages.length + this.outcomes.length + this.snapshots.length + this.alerts.length > 0;
  }

  drain(): Pick<Outbox, "messages" | "outcomes" | "snapshots" | "alerts"> {
    const { messages, outcomes, snapshots, alerts } = this;
    this.messages = [];
    this.outcomes = [];
    this.snapshots = [];
    this.alerts = [];
    return { messages, outcomes, snapshots, alerts };
  }
}
