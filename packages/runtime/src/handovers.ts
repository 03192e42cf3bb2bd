import { countsIn, type NodeId, type RaftState, type RequestId, type RoleChange } from "@eraft/core";
import { TransferFailedError, TransferringError } from "./change-errors.ts";
import { toError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Peers } from "./peers.ts";
import type { Requests } from "./requests.ts";

/**
 * Transfers of leadership whose callers wait. They are done when another server leads, not when this one stops to: between the two there is an election,
 * which needs this server's vote if there are few others.
 */
export class Handovers {
  readonly #self: NodeId;
  readonly #requests: Requests;
  readonly #host: Host;
  readonly #patienceMs: number;
  /** Each with what cancels its deadline. */
  readonly #waiting = new Map<RequestId, () => void>();

  /** @param patienceMs how long to wait, once this server leads no longer, to hear who does */
  constructor(self: NodeId, patienceMs: number, requests: Requests, host: Host) {
    this.#self = self;
    this.#patienceMs = patienceMs;
    this.#requests = requests;
    this.#host = host;
  }

  /** This server no longer leads; `id` is done as soon as somebody else does. */
  ledNoMore(id: RequestId): void {
    this.#waiting.set(
      id,
      this.#host.clock.after(this.#patienceMs, () => this.#settle(id, null)),
    );
  }

  roleChanged({ leaderId }: RoleChange): void {
    if (leaderId === null) return;
    const failure = leaderId === this.#self ? new TransferFailedError("this server was elected again") : null;
    for (const id of this.#waiting.keys()) this.#settle(id, failure);
  }

  close(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  #settle(id: RequestId, failure: Error | null): void {
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
    if (failure === null) this.#requests.resolve(id, undefined);
    else this.#requests.reject(id, failure);
  }
}

/** Whether this server leads, and another one could, as far as the transport has said. */
export function hasSuccessor({ role }: RaftState, peers: Peers): boolean {
  const others = peers.list().filter(({ standing }) => countsIn(standing, "new"));
  return role === "leader" && others.some(({ lastError }) => lastError === null);
}

/** How long to wait while the leadership is being handed over at somebody else's request. */
const PAUSE_MS = 20;

/** What a leader does before it stops. Never rejects, and takes no longer than `timeoutMs`. */
export async function handOver(timeoutMs: number, requests: Requests, host: Host): Promise<void> {
  const { clock, logger } = host;
  const over = Promise.withResolvers<Error>();
  const cancels = [clock.after(timeoutMs, () => over.resolve(new TransferFailedError("it takes too long")))];
  let failure = await Promise.race([over.promise, transfer(requests, host)]);
  while (failure instanceof TransferringError) {
    const pause = Promise.withResolvers<void>();
    cancels.push(clock.after(PAUSE_MS, pause.resolve));
    await Promise.race([over.promise, pause.promise]);
    failure = await Promise.race([over.promise, transfer(requests, host)]);
  }
  for (const cancel of cancels) cancel();
  if (failure !== null) logger.info(`Stopping without a successor: ${failure.message}`, { failure });
}

/** Null once another server leads, else why none does. */
function transfer(requests: Requests, host: Host): Promise<Error | null> {
  const { id, promise } = requests.open(undefined, { effect: null });
  host.push({ type: "transferLeadership", id, to: null });
  return promise.then(() => null, toError);
}
