import type { LogIndex, NodeId, Outcome } from "@eraft/core";
import type { RequestAction } from "../cluster/cluster.ts";
import { Violation } from "../violation.ts";

type Kind = RequestAction["type"];

/** How requests may end. */
const ENDINGS: Readonly<Record<Kind, ReadonlySet<Outcome["type"]>>> = {
  propose: new Set(["committed", "notLeader", "busy", "transferring", "unknown"]),
  read: new Set(["readable", "notLeader"]),
  change: new Set(["changed", "notLeader", "changePending", "transferring", "refused", "unknown"]),
  transfer: new Set(["transferred", "transferFailed", "notLeader", "transferring"]),
};

/** A request that has no outcome yet. */
interface OpenRequest {
  readonly action: RequestAction;
  /** What was committed when it was made. */
  readonly committed: LogIndex;
}

/** What was asked of each server's core: every request gets one outcome that fits it, and none gets two. */
export class Requests {
  readonly #open = new Map<NodeId, Map<number, OpenRequest>>();

  /** @param committed what any leader has committed by now */
  asked(node: NodeId, action: RequestAction, committed: LogIndex): void {
    const open = this.#open.get(node);
    const request = { action, committed };
    if (open === undefined) this.#open.set(node, new Map([[action.id, request]]));
    else open.set(action.id, request);
  }

  /** Returns what was asked. */
  settles(node: NodeId, outcome: Outcome): OpenRequest {
    const open = this.#open.get(node);
    const request = open?.get(outcome.id);
    if (open === undefined || request === undefined || !ENDINGS[request.action.type].has(outcome.type)) {
      const what = request === undefined ? "which is not open" : `a ${request.action.type}`;
      throw new Violation("One Outcome", `${node} reports ${outcome.type} of request ${outcome.id}, ${what}`);
    }
    open.delete(outcome.id);
    return request;
  }

  /** Whoever asked has to ask again. */
  crashed(node: NodeId): void {
    this.#open.delete(node);
  }

  /** What nobody has answered yet. */
  *open(): Generator<{ readonly node: NodeId; readonly request: RequestAction }, void> {
    for (const [node, requests] of this.#open) {
      for (const { action } of requests.values()) yield { node, request: action };
    }
  }
}
