import type { RaftState, Ready } from "@eraft/core";
import type { RequestAction } from "../cluster/cluster.ts";
import type { Node } from "../cluster/node.ts";
import { mustHold } from "../violation.ts";

/** Whether a read is about to be answered by a lease: whoever leads answers it at once, having asked nobody. */
export function mayUseLease({ state }: Node, request: RequestAction): boolean {
  return request.type === "read" && request.consistency === "lease" && state.role === "leader";
}

/** While a leader reads by a lease, nobody else leads a later term (dissertation, 6.4.1): otherwise it would be luck if what it reads is not old. */
export function checkLease(
  { id, term }: RaftState,
  request: RequestAction,
  { ready, nodes }: { readonly ready: Ready | null; readonly nodes: readonly Node[] },
): void {
  const isRead = ready?.outcomes.some((outcome) => outcome.type === "readable" && outcome.id === request.id);
  if (isRead !== true) return;
  for (const { state } of nodes.filter(({ isUp }) => isUp)) {
    mustHold(
      state.role !== "leader" || state.term <= term,
      "Lease",
      () => `${id} reads by its lease in term ${term}, and ${state.id} leads term ${state.term}`,
    );
  }
}
