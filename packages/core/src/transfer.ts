import { countsIn, memberOf } from "./configuration.ts";
import type { RequestId } from "./effects.ts";
import type { Progress } from "./progress.ts";
import type { Server } from "./server.ts";
import type { NodeId } from "./types.ts";

interface Transfer {
  readonly id: RequestId;
  readonly target: Progress;
  ticks: number;
  isSent: boolean;
}

/**
 * Hands the leadership over (dissertation, 3.10): takes no more commands, brings the successor's log up to the end of its own, and tells it to stand for
 * election at once. If it does not win within an election timeout, this server goes on as before.
 */
export class LeadershipTransfer {
  readonly #server: Server;
  #transfer: Transfer | null = null;
  #hasAsked = false;

  constructor(server: Server) {
    this.#server = server;
  }

  get isActive(): boolean {
    return this.#transfer !== null;
  }

  /**
   * True once somebody was asked to stand, for the rest of the term: the request may still be on its way long after the transfer was given up, and whoever
   * gets it may be elected at any time, whatever the others have heard from us.
   */
  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  begin(id: RequestId, to: NodeId | null, followers: Iterable<Progress>): void {
    const target = this.#choose(to, [...followers]);
    if (typeof target === "string") this.#fail(id, target);
    else this.#transfer = { id, target, ticks: 0, isSent: false };
  }

  tick(): void {
    const transfer = this.#transfer;
    if (transfer === null) return;
    transfer.ticks += 1;
    if (transfer.ticks < this.#server.config.electionTimeoutTicksMin) return;
    this.#transfer = null;
    this.#fail(transfer.id, `server ${transfer.target.id} did not take over in time`);
  }

  flush(): void {
    const transfer = this.#transfer;
    if (transfer === null || transfer.isSent) return;
    if (transfer.target.matchIndex < this.#server.log.lastIndex) return;
    transfer.isSent = true;
    this.#ask(transfer.target.id);
  }

  /** This server no longer leads; the request, if there is one, is done. */
  drain(): RequestId | null {
    const id = this.#transfer?.id ?? null;
    this.#transfer = null;
    return id;
  }

  /** This server is to lead no longer, and nobody has asked for that: whoever is best prepared need not wait for its timeout. */
  abdicate(followers: Iterable<Progress>): void {
    const successor = this.#choose(null, [...followers]);
    if (typeof successor !== "string") this.#ask(successor.id);
  }

  #ask(to: NodeId): void {
    const { id, term } = this.#server;
    this.#hasAsked = true;
    this.#server.send({ type: "timeoutNow", from: id, to, term, sequence: this.#server.nextSequence() });
  }

  /** Who is to take over, or why nobody can. */
  #choose(to: NodeId | null, followers: readonly Progress[]): Progress | string {
    const { id: self, config } = this.#server;
    if (to === self) return "this server leads already";
    const voters = followers.filter(({ id }) => this.#isVoter(id));
    if (to !== null) return voters.find(({ id }) => id === to) ?? `server ${to} is not a voter`;
    const alive = voters.filter(
      ({ hasAnswered, ticksSinceContact }) =>
        hasAnswered && ticksSinceContact < config.electionTimeoutTicksMin,
    );
    const [best] = alive.toSorted((a, b) => b.matchIndex - a.matchIndex || a.id - b.id);
    return best ?? "no other voter can be reached";
  }

  /** Of the configuration to come: whoever leaves it would have to hand over at once. */
  #isVoter(id: NodeId): boolean {
    const member = memberOf(this.#server.configuration, id);
    return member !== null && countsIn(member.standing, "new");
  }

  #fail(id: RequestId, reason: string): void {
    this.#server.outbox.outcomes.push({ type: "transferFailed", id, reason });
  }
}
