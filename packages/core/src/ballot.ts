import type { PreVote, RequestVote } from "./messages.ts";
import type { Quorum } from "./quorum.ts";
import type { Server } from "./server.ts";
import type { NodeId } from "./types.ts";
import { isElector } from "./configuration.ts";

/** The votes of one election, or of the question before it. Answers are counted once for each server, and only of those who may vote. */
export class Ballot {
  readonly #server: Server;
  readonly #granted = new Set<NodeId>();
  readonly #refused = new Set<NodeId>();

  constructor(server: Server) {
    this.#server = server;
  }

  add(voter: NodeId, voteGranted: boolean): void {
    (voteGranted ? this.#granted : this.#refused).add(voter);
  }

  /** By the configuration as it is now: while votes come in, entries with another one may, too. */
  get isWon(): boolean {
    return this.#quorum.isReachedBy((id) => this.#granted.has(id));
  }

  /** Asks every voter that has not answered. */
  ask(question: Pick<RequestVote, "type" | "leadershipTransfer"> | Pick<PreVote, "type">): void {
    const server = this.#server;
    for (const { id, standing } of server.configuration.members) {
      if (id === server.id || !isElector(standing)) continue;
      if (this.#granted.has(id) || this.#refused.has(id)) continue;
      const request = {
        ...question,
        from: server.id,
        to: id,
        term: server.term,
        // Consent names no term that is asked for once only, as a vote does: its number must not have been used before a restart.
        sequence: question.type === "preVote" ? server.nextNonce() : server.nextSequence(),
        lastLogIndex: server.log.lastIndex,
        lastLogTerm: server.log.lastTerm,
      };
      // A vote is asked for with one's own vote on disk; a question promises nothing.
      if (request.type === "requestVote") server.sendWhenDurable(request);
      else server.sendInDurableTerm(request);
    }
  }

  get #quorum(): Quorum {
    return this.#server.quorum;
  }
}
