import type { LogIndex, NodeId, Outcome } from "@eraft/core";
import type { WorkloadPlan } from "./plan.ts";
import { Random } from "./random.ts";
import { mustHold } from "./violation.ts";

const EAGER_TIMEOUT_MS = 10_000;

/** What a client is waiting for. */
interface Operation {
  readonly id: number;
  readonly kind: "write" | "read";
  readonly node: NodeId;
  readonly client: number;
  /** Every operation that had returned when this one was called is at or below this index. */
  readonly floor: LogIndex;
}

/** A write that has an index and waits for its result. */
interface Committed {
  readonly operation: Operation;
  readonly index: LogIndex;
}

/**
 * The clients of a simulated cluster, and the check of what they are told. Every operation has a place in the one order of the log: a write its
 * index, a read the index of the state it saw. That order explains all answers, so what remains of linearizability is real time: an operation
 * that was called after another had returned must come after it.
 */
export class Clients {
  readonly #random: Random;
  readonly #plan: WorkloadPlan;
  readonly #open = new Map<number, Operation>();
  readonly #committed: Committed[] = [];
  /** Where each client looks for the leader first. */
  readonly #target: NodeId[];
  readonly #size: number;
  #ids = 0;
  #isEager = false;
  #floor: LogIndex = 0;
  /** The highest index of a write that was acknowledged: it must never be lost. */
  acknowledged: LogIndex = 0;
  writes = 0;
  reads = 0;
  unknown = 0;

  constructor(plan: WorkloadPlan, seed: number, size: number) {
    this.#plan = plan;
    this.#random = new Random(seed, "clients");
    this.#size = size;
    this.#target = Array.from({ length: plan.clients }, () => this.#random.integer(0, size - 1));
  }

  thinkMs(): number {
    return this.#random.exponential(this.#isEager ? 5 : this.#plan.thinkMsMean);
  }

  /** How long a client waits for an answer. */
  get timeoutMs(): number {
    return this.#isEager ? EAGER_TIMEOUT_MS : this.#plan.timeoutMs;
  }

  /** From now on all clients read and write by turns, without pausing; and patiently, so that slow settings are not overrun. */
  beEager(): void {
    this.#isEager = true;
  }

  /** The next operation of `client`. */
  call(client: number): { id: number; kind: "write" | "read"; node: NodeId } {
    this.#ids += 1;
    const kind = this.#random.chance(this.#isEager ? 0.5 : this.#plan.reads) ? "read" : "write";
    const node = this.#target[client] ?? 0;
    const operation: Operation = { id: this.#ids, kind, node, client, floor: this.#floor };
    this.#open.set(operation.id, operation);
    return operation;
  }

  /** The server is down, and the client's connection is refused. Returns whose it was. */
  refused(id: number): number | null {
    return this.outcome({ type: "notLeader", id, leaderId: null }, 0);
  }

  /** The client gives up waiting; the operation may or may not take effect. Returns whose it was, null if it has ended before. */
  timesOut(id: number): number | null {
    const operation = this.#open.get(id);
    if (operation === undefined) return null;
    this.unknown += 1;
    this.#lookElsewhere(operation.client, null);
    return this.#end(operation);
  }

  /** A server reports an outcome. Returns the client that is now free, null if none is. `seen` is what the server's state reflects. */
  outcome(outcome: Outcome, seen: LogIndex): number | null {
    const operation = this.#open.get(outcome.id);
    if (operation === undefined) return null;
    switch (outcome.type) {
      case "committed":
        this.#committed.push({ operation, index: outcome.index });
        return null;
      case "readable":
        mustHold(
          seen >= operation.floor,
          "Linearizable Read",
          () =>
            `read ${operation.id} sees ${seen}, but ${operation.floor} had been seen before it was called`,
        );
        this.reads += 1;
        this.#returned(seen);
        return this.#end(operation);
      case "notLeader":
        this.#lookElsewhere(operation.client, outcome.leaderId);
        return this.#end(operation);
      case "busy":
        return this.#end(operation);
      case "unknown":
        this.unknown += 1;
        this.#lookElsewhere(operation.client, outcome.leaderId);
        return this.#end(operation);
    }
  }

  /** `node` has applied everything up to `index`: its committed writes return. */
  applied(node: NodeId, index: LogIndex): number[] {
    const free = [];
    for (let at = this.#committed.length - 1; at >= 0; at -= 1) {
      const { operation, index: committedAt } = this.#committed[at] as Committed;
      if (operation.node !== node || committedAt > index) continue;
      this.#committed.splice(at, 1);
      if (!this.#open.has(operation.id)) continue;
      mustHold(
        committedAt > operation.floor,
        "Linearizable Write",
        () =>
          `write ${operation.id} is at ${committedAt}, but ${operation.floor} had been seen before it was called`,
      );
      this.writes += 1;
      this.acknowledged = Math.max(this.acknowledged, committedAt);
      this.#returned(committedAt);
      free.push(this.#end(operation));
    }
    return free;
  }

  /** A server died; what it had not answered is unknown. */
  crashed(node: NodeId): number[] {
    for (let at = this.#committed.length - 1; at >= 0; at -= 1) {
      if (this.#committed[at]?.operation.node === node) this.#committed.splice(at, 1);
    }
    const free = [];
    for (const operation of this.#open.values()) {
      if (operation.node !== node) continue;
      this.unknown += 1;
      this.#lookElsewhere(operation.client, null);
      free.push(this.#end(operation));
    }
    return free;
  }

  #returned(index: LogIndex): void {
    this.#floor = Math.max(this.#floor, index);
  }

  #lookElsewhere(client: number, leader: NodeId | null): void {
    this.#target[client] = leader ?? this.#random.integer(0, this.#size - 1);
  }

  #end(operation: Operation): number {
    this.#open.delete(operation.id);
    return operation.client;
  }
}
