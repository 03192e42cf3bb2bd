import type { Clock, NodeId } from "@eraft/core";
import { NotLeaderError, TransferringError } from "@eraft/runtime";
import type { KvNode } from "./node.ts";
import type { CallSignal } from "./time-limits.ts";

/** Who hands the leadership over knows that there will be another leader, or itself again, within an election timeout. */
const HANDING_OVER_MS = 250;

/** Who just knows of none may be cut off from those that do: its callers should not be kept for long. An election takes less, once it has begun. */
const KNOWS_NOBODY_MS = 100;

/** Whoever comes when so many wait is told at once what there is to tell. */
const MAX_WAITING = 1024;

interface Leader {
  readonly leaderId: NodeId;
  readonly leaderAddress: string | null;
}

/**
 * For calls that come between two leaders, and so were not done. Told at once that there is none, their callers would go round all servers, hear the same from
 * each, pause, and miss the election by the longer the oftener they had asked. They are told when there is something to say, if that is soon: who leads now.
 *
 * Needs the node's "leader" event. Where there is none, nobody waits.
 */
export class NextLeader {
  readonly #node: KvNode;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  /** As far as the node has said. */
  #leader: Leader | null = null;

  constructor(node: KvNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
    node.on?.("leader", ({ leaderId, leaderAddress }) => {
      this.#leader = leaderId === null ? null : { leaderId, leaderAddress };
      if (leaderId !== null) this.#wake();
    });
    node.on?.("failure", () => this.#wake());
    node.on?.("stopped", () => this.#wake());
  }

  /** What to answer instead of `error`, which `node` gave: resolves with `error` itself, at once or after a while, if there is nothing better. Never rejects. */
  async errorFor(error: unknown, signal: CallSignal): Promise<unknown> {
    const patienceMs = patienceFor(error);
    if (patienceMs === 0 || this.#node.on === undefined) return error;
    const isHandingOver = error instanceof TransferringError;
    if (this.#successor(isHandingOver) === null) await this.#wait(patienceMs, signal);
    const leader = this.#successor(isHandingOver);
    return leader === null ? error : new NotLeaderError(leader.leaderId, leader.leaderAddress);
  }

  /** Whoever hands over still leads, and is not who comes next. */
  #successor(isHandingOver: boolean): Leader | null {
    if (isHandingOver && this.#leader?.leaderId === this.#node.status().id) return null;
    return this.#leader;
  }

  /** Resolves when another server leads, or nobody should wait any longer. */
  async #wait(patienceMs: number, signal: CallSignal): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const cancel = this.#clock.after(patienceMs, resolve);
    signal.addEventListener("abort", resolve);
    await promise;
    signal.removeEventListener("abort", resolve);
    cancel();
    this.#waiting.delete(resolve);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }
}

function patienceFor(error: unknown): number {
  if (error instanceof TransferringError) return HANDING_OVER_MS;
  return error instanceof NotLeaderError && error.leaderId === null ? KNOWS_NOBODY_MS : 0;
}
