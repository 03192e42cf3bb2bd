import { transportCases } from "@eraft/conformance";
import { MemoryNetwork } from "@eraft/transport-memory";
import { test } from "vitest";

const harness = {
  create: (count: number) => {
    const network = new MemoryNetwork();
    const server = (id: number) => ({ id, address: "", transport: () => network.transport(id) });
    return { servers: Array.from({ length: count }, (_, id) => server(id)) };
  },
  supports: { oneWayResponses: true, carriesSequence: true, carriesRefusals: true },
};

for (const { name, run } of transportCases(harness)) test(name, () => run());
