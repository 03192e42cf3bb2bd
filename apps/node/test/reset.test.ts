import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { reset } from "./support/reset.ts";

/** Both ends of a new connection. The far one reads nothing until it is told to. */
async function connection(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const near = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = await accepted;
  if (near.connecting) await once(near, "connect");
  for (const socket of [near, far]) {
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
  }
  onTestFinished(() => void server.close());
  return { near, far };
}

/** How many sockets keep this process alive. */
function socketsAlive(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}

test("a connection that is reset is closed, and the other end is told so", async () => {
  const { near, far } = await connection();
  far.resume();
  const told = once(far, "error");
  const closed = once(near, "close");
  reset(near);
  await closed;
  const [error] = (await told) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
});

test.each<[string, (near: Socket) => unknown]>([
  ["has just said goodbye", (near) => near.end()],
  ["has just sent something and said goodbye", (near) => near.end("bye")],
  ["said goodbye some time ago", (near) => once(near.end(), "finish")],
  ["has sent what nobody reads", (near) => near.write(Buffer.alloc(64 * 2 ** 20))],
  ["has sent what nobody reads, and said goodbye", (near) => near.end(Buffer.alloc(64 * 2 ** 20))],
  ["is being reset already", (near) => reset(near)],
  ["is closed already", (near) => once(near.destroy(), "close")],
])("nothing is left of a connection that %s, and is reset then", async (_when, before) => {
  const { near, far } = await connection();
  const others = socketsAlive() - 2;
  const gone = Promise.withResolvers<void>();
  near.once("close", () => gone.resolve());
  await before(near);
  reset(near);
  await gone.promise;
  far.resetAndDestroy();
  await once(far, "close");
  expect(socketsAlive()).toBe(others);
});

test.each([
  ["", () => {}],
  [", and a goodbye is on its way,", (near: Socket) => near.end("bye")],
])("a connection that is reset before it is established%s is closed, too", async (_what, before) => {
  const { far } = await connection();
  const near = connect({ port: far.localPort ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  const closed = once(near, "close");
  before(near);
  reset(near);
  await closed;
  expect(near.destroyed).toBe(true);
});
