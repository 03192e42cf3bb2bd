import { Ballot } from "./ballot.ts";
import type { ReadRequest, RoleName } from "./effects.ts";
import { Follower } from "./follower.ts";
import type { Message } from "./messages.ts";
import type { Transitions } from "./role.ts";
import type { Server } from "./server.ts";

/**
 * Asks whether it would be elected, before it raises its term (dissertation, 9.6). A server that cannot win, because it was cut off or lacks entries,
 * then comes back in the term of the others and disturbs nobody.
 */
export class PreCandidate extends Follower {
  override readonly name: RoleName = "preCandidate";
  readonly #ballot: Ballot;
  /** Answers to earlier questions count for nothing, those of an earlier life included: whoever said yes then may hear from a leader now. */
  readonly #firstSequence: number;
  #ticksSinceAsked = 0;

  constructor(server: Server, transitions: Transitions) {
    super(server, transitions);
    this.#ballot = new Ballot(server);
    this.#firstSequence = server.lastNonce + 1;
    this.#ballot.add(server.id, true);
    this.#ask();
  }

  override tick(): void {
    this.#ticksSinceAsked += 1;
    if (this.#ticksSinceAsked >= this.server.config.heartbeatTicks) this.#ask();
    super.tick();
  }

  override receive(response: Message): void {
    if (response.type !== "preVoteResponse" || response.sequence < this.#firstSequence) return;
    if (response.sequence > this.server.lastNonce) return;
    this.#ballot.add(response.from, response.voteGranted);
  }

  override read({ id }: ReadRequest): void {
    this.server.outbox.outcomes.push({ type: "notLeader", id, leaderId: null });
  }

  override flush(): void {
    // Not before: an election begins with a write, and a disk that hangs would make it never end. See Follower.
    if (this.#ballot.isWon && !this.server.storageBusy) this.transitions.campaign();
  }

  #ask(): void {
    this.#ticksSinceAsked = 0;
    this.#ballot.ask({ type: "preVote" });
  }
}
