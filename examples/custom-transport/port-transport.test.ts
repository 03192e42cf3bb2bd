import { transportCases } from "@eraft/conformance";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PortTransport } from "./port-transport.ts";
import { Switchboard } from "./switchboard.ts";

const cases = transportCases({
  create: (count) => {
    const switchboard = new Switchboard();
    const server = (id: number) => ({
      id,
      address: "",
      transport: () => new PortTransport(id, (port) => switchboard.plugIn(id, port)),
    });
    return {
      servers: Array.from({ length: count }, (_, id) => server(id)),
      dispose: () => switchboard.close(),
    };
  },
  supports: {
    oneWayResponses: true,
    carriesSequence: true,
    carriesRefusals: true,
    extensions: true,
    reportsDisconnects: true,
  },
});
for (const { name, run } of cases) test(name, () => run());

test("it prints what its README says", async () => {
  const program = join(import.meta.dirname, "main.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["-C", "@eraft/source", program]);
  const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  expect(readme).toContain(`\`\`\`\n${stdout}\`\`\``);
});
