import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { SteadyPuts } from "./support/steady-puts.ts";

test("puts that nobody answers pile up only so far, and are given up with the reason", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  const puts = new SteadyPuts({ addresses: [`127.0.0.1:${port}`], perSecond: 100 });
  onTestFinished(() => {
    puts.abort();
    server.close();
  });
  await eventually(() => expect(puts.problems).not.toEqual([]));
  expect(puts.problems).toEqual([
    "100 puts a second are too many here: 201 were under way, and no more were begun",
  ]);
  puts.abort();
  await puts.stop();
  // One for each of those that were under way, and for what was said before.
  expect(puts.problems).toHaveLength(202);
  expect(puts.done).toEqual([]);
});
