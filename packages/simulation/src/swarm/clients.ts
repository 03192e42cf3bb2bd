import type { NodeId, Outcome } from "@eraft/core";
import type { ClientAction } from "../cluster/actions.ts";
import { Random } from "../random.ts";
import type { WorkloadPlan } from "./plan.ts";

/** Between two operations, and until they give up, when the cluster is to show that it serves. */
const EAGER = { thinkMs: 5, timeoutMs: 10_000, reads: 0.5 };

/** The clients of a simulated cluster: who asks what of whom. Each has one operation open at a time. */
export class Clients {
  readonly #random: Random;
  readonly #plan: WorkloadPlan;
  /** The servers that there are, whatever they are. */
  readonly #servers: () => readonly NodeId[];
  /** Where each client believes the leader to be. */
  readonly #target: NodeId[];
  readonly #callers = new Map<number, number>();
  #ids = 0;
  #mood: "usual" | "eager" | "content" = "usual";

  constructor(plan: WorkloadPlan, seed: number, servers: () => readonly NodeId[]) {
    this.#plan = plan;
    this.#random = new Random(seed, "clients");
    this.#servers = servers;
    this.#target = Array.from({ length: plan.clients }, () => this.#random.pick(servers()));
  }

  /** From now on all clients read and write without pausing; and wait patiently, so that slow settings are not overrun. */
  beEager(): void {
    this.#mood = "eager";
  }

  /** Nobody wants anything any more. */
  beContent(): void {
    this.#mood = "content";
  }

  get areContent(): boolean {
    return this.#mood === "content";
  }

  thinkMs(): number {
    return this.#random.exponential(this.#mood === "eager" ? EAGER.thinkMs : this.#plan.thinkMsMean);
  }

  get timeoutMs(): number {
    return this.#mood === "eager" ? EAGER.timeoutMs : this.#plan.timeoutMs;
  }

  /** The next operation of `client`. */
  call(client: number): ClientAction {
    this.#ids += 1;
    const id = this.#ids;
    this.#callers.set(id, client);
    const { reads, readsAnywhere, leaseReads } = this.#plan;
    const node = this.#target[client] ?? 0;
    if (!this.#random.chance(this.#mood === "eager" ? EAGER.reads : reads)) {
      return { type: "propose", node, id };
    }
    const consistency = this.#random.chance(leaseReads) ? "lease" : "linearizable";
    const isAnywhere = this.#mood === "usual" && this.#random.chance(readsAnywhere);
    return { type: "read", id, consistency, node: isAnywhere ? this.#random.pick(this.#servers()) : node };
  }

  /** The operation `id` has ended; `outcome` says how, null if its server is gone or silent. Returns whose it was. */
  ended(id: number, outcome: Outcome | null): number {
    const client = this.#callers.get(id);
    if (client === undefined) throw new RangeError(`operation ${id} was never called`);
    this.#callers.delete(id);
    const leader = outcome !== null && "leaderId" in outcome ? outcome.leaderId : null;
    const isStubborn = outcome === null && this.#random.chance(this.#plan.stubbornness);
    const failed = outcome === null || outcome.type === "notLeader" || outcome.type === "unknown";
    if (failed && !isStubborn) this.#target[client] = leader ?? this.#random.pick(this.#servers());
    return client;
  }
}
