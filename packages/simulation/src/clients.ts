import type { NodeId, Outcome } from "@eraft/core";
import type { OperationKind } from "./ledger.ts";
import type { WorkloadPlan } from "./plan.ts";
import { Random } from "./random.ts";

/** Between two operations, and until they give up, when the cluster is to show that it serves. */
const EAGER = { thinkMs: 5, timeoutMs: 10_000 };

/** The clients of a simulated cluster: who asks what of whom. Each has one operation open at a time. */
export class Clients {
  readonly #random: Random;
  readonly #plan: WorkloadPlan;
  /** Where each client believes the leader to be. */
  readonly #target: NodeId[];
  readonly #callers = new Map<number, number>();
  readonly #size: number;
  #ids = 0;
  #isEager = false;

  constructor(plan: WorkloadPlan, seed: number, size: number) {
    this.#plan = plan;
    this.#random = new Random(seed, "clients");
    this.#size = size;
    this.#target = Array.from({ length: plan.clients }, () => this.#random.integer(0, size - 1));
  }

  /** From now on all clients read and write without pausing; and wait patiently, so that slow settings are not overrun. */
  beEager(): void {
    this.#isEager = true;
  }

  thinkMs(): number {
    return this.#random.exponential(this.#isEager ? EAGER.thinkMs : this.#plan.thinkMsMean);
  }

  get timeoutMs(): number {
    return this.#isEager ? EAGER.timeoutMs : this.#plan.timeoutMs;
  }

  /** The next operation of `client`. */
  call(client: number): { id: number; kind: OperationKind; node: NodeId } {
    this.#ids += 1;
    this.#callers.set(this.#ids, client);
    const kind = this.#random.chance(this.#isEager ? 0.5 : this.#plan.reads) ? "read" : "write";
    return { id: this.#ids, kind, node: this.#target[client] ?? 0 };
  }

  /** The operation `id` has ended; `outcome` says how, null if its server is gone or silent. Returns whose it was. */
  ended(id: number, outcome: Outcome | null): number {
    const client = this.#callers.get(id);
    if (client === undefined) throw new RangeError(`operation ${id} was never called`);
    this.#callers.delete(id);
    const leader = outcome !== null && "leaderId" in outcome ? outcome.leaderId : null;
    const failed = outcome === null || outcome.type === "notLeader" || outcome.type === "unknown";
    if (failed) this.#target[client] = leader ?? this.#random.integer(0, this.#size - 1);
    return client;
  }
}
