import type { ServeOptions } from "@eraft/transport-connect/node";

export type EngineName = NonNullable<ServeOptions["engine"]>;

/** Who may serve HTTP/2. What callers see must not depend on it, so tests of that are run with each. */
export const ENGINES: readonly { readonly engine: EngineName }[] = [{ engine: "eraft" }, { engine: "node" }];
