import { ClientTable, SessionTable } from "@eraft/runtime";
import { BTree } from "./b-tree.ts";
import { History } from "./history.ts";
import type { Item } from "./items.ts";
import type { KeptResult } from "./kept-result.ts";
import type { StateLimits } from "./limits.ts";
import type { KvTextResult } from "./result.ts";

/** The whole replicated state. */
export interface KvState {
  readonly table: BTree<Item>;
  /** Says which revision the state has, too. */
  readonly history: History;
  /** Of eraft.kv.v1, which are opened. */
  readonly sessions: SessionTable<KeptResult>;
  /** Of kvraftpb, which name themselves. */
  readonly clients: ClientTable<KvTextResult>;
}

export function emptyState(limits: StateLimits): KvState {
  return {
    table: new BTree(),
    history: new History(limits, 0),
    ...emptySessions(limits),
  };
}

export function emptySessions(limits: StateLimits): Pick<KvState, "sessions" | "clients"> {
  return { sessions: new SessionTable(limits), clients: new ClientTable(limits.maxSessions) };
}
