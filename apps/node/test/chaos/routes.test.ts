import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

/** A server that says its name; resolves with its port. */
async function serverNamed(name: string): Promise<number> {
  const server = createServer((socket) => void socket.end(name));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test.each([
  ["options", (port: number) => `{ host: "127.0.0.1", port: ${port} }`],
  ["a port and a host", (port: number) => `${port}, "127.0.0.1"`],
])(
  "what a process opens to a port with a route, with %s, goes where that leads; the rest does not",
  async (_what, to) => {
    const [proxy, direct, other] = [
      await serverNamed("proxy"),
      await serverNamed("direct"),
      await serverNamed("other"),
    ];
    const script = `
    const { connect } = require("node:net");
    for (const socket of [connect(${to(direct)}), connect(${to(other)})]) socket.on("data", (name) => console.log(String(name)));
  `;
    const routes = new URL(`routes.ts?${direct}=${proxy}`, import.meta.url).href;
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", routes, "-e", script]);
    expect(stdout.trim().split("\n").toSorted()).toEqual(["other", "proxy"]);
  },
);
