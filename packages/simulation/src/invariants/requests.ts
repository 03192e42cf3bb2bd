import type { NodeId, Outcome } from "@eraft/core";
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

/** What was asked of each server's core: every request gets one outcome that fits it, and none gets two. */
export class Requests {
  readonly #open = new Map<NodeId, Map<number, RequestAction>>();

  asked(node: NodeId, request: RequestAction): void {
    const open = this.#open.get(node);
    if (open === undefined) this.#open.set(node, new Map([[request.id, request]]));
    else open.set(request.id, request);
  }

  /** Returns what was asked. */
  settles(node: NodeId, outcome: Outcome): RequestAction {
    const open = this.#open.get(node);
    const request = open?.get(outcome.id);
    if (open === undefined || request === undefined || !ENDINGS[request.type].has(outcome.type)) {
      const what = request === undefined ? "which is not open" : `a ${request.type}`;
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
      for (const request of requests.values()) yield { node, request };
    }
  }
}
