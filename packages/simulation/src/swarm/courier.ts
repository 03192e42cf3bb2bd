import type { Message, NodeId } from "@eraft/core";
import type { MessageId } from "../cluster/actions.ts";
import { Random } from "../random.ts";
import type { Surroundings } from "./surroundings.ts";

/** Between the arrival of a snapshot and the end of the sender's call. */
const SNAPSHOT_ANSWER_MS_MEAN = 20;

/** Carries messages: the network decides which of them arrive when, and the receiver's process when it takes them. */
export class Courier {
  readonly #around: Surroundings;
  readonly #random: Random;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#random = new Random(around.plan.seed, "courier");
  }

  send(id: MessageId): void {
    const { cluster, network, now } = this.#around;
    const message = cluster.message(id);
    if (message === undefined) return;
    const { from, to } = message;
    const arrivals = network.send(from, to, now);
    if (arrivals.length === 0) {
      this.#lost(id, message);
      return;
    }
    const last = Math.max(...arrivals);
    for (const at of arrivals) {
      this.#around.later(at - now, () => this.#arrive(id, to, at === last));
    }
  }

  #arrive(id: MessageId, to: NodeId, isLast: boolean): void {
    const { cluster, stalls } = this.#around;
    if (stalls.postpones(to, () => this.#arrive(id, to, isLast))) return;
    const isSnapshot = cluster.message(id)?.type === "installSnapshot";
    const { isUp } = cluster.node(to);
    this.#around.perform({ type: "deliver", message: id });
    if (!isLast) return;
    if (isSnapshot) this.#snapshotCallEnds(id, isUp);
    else cluster.forget(id);
  }

  #lost(id: MessageId, { from, to, type }: Message): void {
    const { cluster, network } = this.#around;
    if (type === "installSnapshot") this.#snapshotCallEnds(id, false);
    else cluster.forget(id);
    if (!network.tells()) return;
    const { life } = cluster.node(from);
    this.#around.later(1, () => {
      // What a process had begun ends with it.
      if (cluster.node(from).life !== life) return;
      this.#around.perform({ type: "unreachable", node: from, peer: to });
    });
  }

  /** The sender's call ends some time after the data arrived, or did not. */
  #snapshotCallEnds(message: MessageId, arrived: boolean): void {
    this.#around.later(1 + this.#random.exponential(SNAPSHOT_ANSWER_MS_MEAN), () => {
      this.#around.perform({ type: "snapshotSent", message, arrived });
      this.#around.cluster.forget(message);
    });
  }
}
