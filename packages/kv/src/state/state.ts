import { ClientTable, SessionTable } from "@eraft/runtime";
import type { CommandState } from "./apply-command.ts";
import { BTree } from "./b-tree.ts";
import { History } from "./history.ts";
import type { Item } from "./items.ts";
import type { StateLimits } from "./limits.ts";

/** The whole replicated state, in memory. */
export interface KvState extends CommandState {
  readonly table: BTree<Item>;
}

export function emptyState(limits: StateLimits): KvState {
  return {
    table: new BTree(),
    history: new History(limits, 0),
    ...emptySessions(limits),
  };
}

export function emptySessions(limits: StateLimits): Pick<CommandState, "sessions" | "clients"> {
  return { sessions: new SessionTable(limits), clients: new ClientTable(limits.maxSessions) };
}
