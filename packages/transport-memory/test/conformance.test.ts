import { transportCases } from "@eraft/conformance";
import type { PeerIdentity } from "@eraft/core";
import { MemoryNetwork } from "@eraft/transport-memory";
import { test } from "vitest";

const harness = {
  create: (count: number) => {
    const network = new MemoryNetwork();
    const transport = (id: number) => (identity?: () => PeerIdentity) => network.transport(id, identity);
    const server = (id: number) => ({ id, address: "", transport: transport(id) });
    return { servers: Array.from({ length: count }, (_, id) => server(id)) };
  },
  supports: {
    oneWayResponses: true,
    carriesSequence: true,
    carriesRefusals: true,
    extensions: true,
    reportsDisconnects: true,
    identities: true,
  },
};

for (const { name, run } of transportCases(harness)) test(name, () => run());
