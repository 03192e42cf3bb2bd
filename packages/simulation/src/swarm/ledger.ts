import type { LogIndex, NodeId, Outcome } from "@eraft/core";
import { mustHold } from "../violation.ts";

export type OperationKind = "write" | "read";

/** An operation that has been called and has not returned. */
interface Operation {
  readonly id: number;
  readonly node: NodeId;
  /** Every operation that had returned when this one was called is at or below this index. */
  readonly floor: LogIndex;
  /** Where a write is committed; it returns once its server has applied that. */
  committedAt: LogIndex | null;
}

/**
 * What clients were told, and whether it can be true. Every operation has a place in the one order of the log: a write its index, a read the index of
 * the state it saw. That order explains all answers, so what remains of linearizability is real time: an operation that was called after another had
 * returned must come after it.
 */
export class Ledger {
  readonly #open = new Map<number, Operation>();
  #floor: LogIndex = 0;
  /** The highest index of an acknowledged write: it must never be lost. */
  acknowledged: LogIndex = 0;
  writes = 0;
  reads = 0;
  /** Operations of which the client will never know whether they took effect. */
  unknown = 0;

  call(id: number, node: NodeId): void {
    this.#open.set(id, { id, node, floor: this.#floor, committedAt: null });
  }

  /** Whether the client still waits. */
  isOpen(id: number): boolean {
    return this.#open.has(id);
  }

  /** A server reports an outcome; `seen` is what its state reflects. True if the operation has thereby ended. */
  outcome(outcome: Outcome, seen: LogIndex): boolean {
    const operation = this.#open.get(outcome.id);
    if (operation === undefined) return false;
    switch (outcome.type) {
      case "committed":
        operation.committedAt = outcome.index;
        return false;
      case "readable":
        this.#readReturns(operation, seen);
        return true;
      case "unknown":
        this.unknown += 1;
        return this.#open.delete(outcome.id);
      case "notLeader":
      case "busy":
      case "transferring":
        return this.#open.delete(outcome.id);
      case "changePending":
      case "refused":
      case "changed":
      case "transferred":
      case "transferFailed":
        return false;
    }
  }

  /** `node` has applied everything up to `index`. Returns the writes that have thereby ended. */
  applied(node: NodeId, index: LogIndex): number[] {
    const ended = [];
    for (const operation of this.#open.values()) {
      const { id, committedAt } = operation;
      if (operation.node !== node || committedAt === null || committedAt > index) continue;
      this.#writeReturns(operation, committedAt);
      ended.push(id);
    }
    return ended;
  }

  /** A server dies, and with it the calls it had not answered. Returns them. */
  crashed(node: NodeId): number[] {
    const ended = [];
    for (const operation of this.#open.values()) {
      if (operation.node !== node) continue;
      this.giveUp(operation.id);
      ended.push(operation.id);
    }
    return ended;
  }

  /** A client stops waiting; the operation may or may not take effect. False if it had ended. */
  giveUp(id: number): boolean {
    if (!this.#open.delete(id)) return false;
    this.unknown += 1;
    return true;
  }

  #readReturns({ id, floor }: Operation, seen: LogIndex): void {
    mustHold(
      seen >= floor,
      "Linearizable Read",
      () => `read ${id} sees ${seen}, but ${floor} had been seen before it was called`,
    );
    this.reads += 1;
    this.#returned(id, seen);
  }

  #writeReturns({ id, floor }: Operation, index: LogIndex): void {
    mustHold(
      index > floor,
      "Linearizable Write",
      () => `write ${id} is at ${index}, but ${floor} had been seen before it was called`,
    );
    this.writes += 1;
    this.acknowledged = Math.max(this.acknowledged, index);
    this.#returned(id, index);
  }

  #returned(id: number, index: LogIndex): void {
    this.#open.delete(id);
    this.#floor = Math.max(this.#floor, index);
  }
}
