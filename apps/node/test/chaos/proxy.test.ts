import { type Socket, connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { LinkProxy } from "./proxy/link-proxy.ts";
import { Random } from "./random.ts";

/** One end of a connection: what it has received, and how it ended. */
class Probe {
  readonly socket: Socket;
  received = "";
  ended = false;
  errorCode: string | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => (this.received += text));
    socket.on("end", () => (this.ended = true));
    socket.on("error", (error) => (this.errorCode = "code" in error ? String(error.code) : error.message));
  }

  /** Resolves with what was received, once that is as much as `text`. */
  async receives(text: string): Promise<string> {
    return eventually(() => {
      if (this.received.length < text.length) throw new Error(`received ${this.received.length} characters`);
      return this.received;
    });
  }

  /** Resolves with the code of the error that ended the connection. */
  async fate(): Promise<string> {
    return eventually(() => {
      if (this.errorCode === null) throw new Error("still connected");
      return this.errorCode;
    });
  }
}

/** A target, a proxy in front of it, and pairs of ends on demand. */
async function setUp(): Promise<{ proxy: LinkProxy; open: () => Promise<{ caller: Probe; callee: Probe }> }> {
  const accepted: ((callee: Probe) => void)[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.shift()?.(new Probe(socket)));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const proxy = await LinkProxy.start((server.address() as AddressInfo).port, new Random(1));
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  const open = async (): Promise<{ caller: Probe; callee: Probe }> => {
    const { promise, resolve } = Promise.withResolvers<Probe>();
    accepted.push(resolve);
    const caller = dial(proxy);
    return { caller, callee: await promise };
  };
  return { proxy, open };
}

function dial(proxy: LinkProxy): Probe {
  const socket = connect({
    port: Number(proxy.address.split(":")[1]),
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  onTestFinished(() => void socket.destroy());
  return new Probe(socket);
}

test("bytes and ends pass in both directions, as they are", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  caller.socket.end("question");
  expect(await callee.receives("question")).toBe("question");
  await eventually(() => expect(callee.ended).toBe(true));
  callee.socket.end("answer");
  expect(await caller.receives("answer")).toBe("answer");
  await eventually(() => expect(proxy.connectionCount).toBe(0));
  expect([caller.errorCode, callee.errorCode]).toEqual([null, null]);
});

test("bytes are counted over all connections, and one can wait for so many", async () => {
  const { proxy, open } = await setUp();
  const [first, second] = [await open(), await open()];
  const milestone = proxy.whenPassed("forward", 7);
  first.caller.socket.write("abcd");
  expect(await first.callee.receives("abcd")).toBe("abcd");
  expect(proxy.passed("forward")).toBe(4);
  proxy.resetAll();
  await first.caller.fate();
  await second.caller.fate();
  const third = await open();
  third.caller.socket.write("efg");
  await milestone;
  expect(await third.callee.receives("efg")).toBe("efg");
  expect([proxy.passed("forward"), proxy.passed("backward")]).toEqual([7, 0]);
  await proxy.whenPassed("forward", 7);
});

test("a cut in one direction holds bytes back, and lets those of the other pass; healed, they arrive", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.disturb("forward", { cut: true });
  caller.socket.write("old");
  callee.socket.write("1");
  expect(await caller.receives("1")).toBe("1");
  callee.socket.write("2");
  expect(await caller.receives("12")).toBe("12");
  expect(callee.received).toBe("");
  proxy.heal("arrives");
  caller.socket.write(" and new");
  expect(await callee.receives("old and new")).toBe("old and new");
});

test("what a cut held back is lost only with its connection", async () => {
  const { proxy, open } = await setUp();
  const [held, idle] = [await open(), await open()];
  proxy.disturb("forward", { cut: true });
  held.caller.socket.write("x");
  // Answers pass: once one is here, the byte before it has been at the proxy for long.
  await eventually(() => expect(held.caller.socket.bytesWritten).toBe(1));
  held.callee.socket.write("answer");
  expect(await held.caller.receives("answer")).toBe("answer");
  proxy.heal("is lost");
  expect(await held.caller.fate()).toBe("ECONNRESET");
  expect(await held.callee.fate()).toBe("ECONNRESET");
  expect(held.callee.received).toBe("");
  idle.caller.socket.write("y");
  expect(await idle.callee.receives("y")).toBe("y");
});

test("the end of a process behind a cut is noticed no sooner than its bytes", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.disturb("backward", { cut: true });
  callee.socket.resetAndDestroy();
  caller.socket.write("to nobody");
  const other = await open();
  other.caller.socket.write("later");
  expect(await other.callee.receives("later")).toBe("later");
  expect(caller.errorCode).toBeNull();
  proxy.heal("arrives");
  expect(await caller.fate()).toBe("ECONNRESET");
});

test("delayed bytes arrive late, and in order", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.disturb("forward", { delayMs: 100, jitterMs: 100 });
  const startMs = performance.now();
  for (const piece of ["a", "b", "c", "d"]) {
    caller.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await callee.receives("abcd")).toBe("abcd");
  expect(performance.now() - startMs).toBeGreaterThan(99);
});

test("dripping bytes take their time, and the rest comes at once when healed", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.disturb("forward", { bytesPerSecond: 1000 });
  const [text, startMs] = ["0123456789".repeat(20_000), performance.now()];
  caller.socket.write(text);
  await eventually(() => expect(callee.received.length).toBeGreaterThan(99));
  expect(performance.now() - startMs).toBeGreaterThan(99);
  expect(callee.received.length).toBeLessThan(text.length);
  proxy.heal("arrives");
  expect(await callee.receives(text)).toBe(text);
});

test("a connection is reset at a byte: those before it arrive, and none after it", async () => {
  const { proxy, open } = await setUp();
  proxy.disturb("forward", { resetWithinBytes: 1000 });
  for (let round = 0; round < 10; round += 1) {
    const { caller, callee } = await open();
    const text = "0123456789".repeat(200);
    caller.socket.write(text);
    expect(await caller.fate()).toBe("ECONNRESET");
    expect(await callee.fate()).toBe("ECONNRESET");
    expect(text.startsWith(callee.received)).toBe(true);
    expect(callee.received.length).toBeLessThanOrEqual(1000);
  }
  proxy.heal("arrives");
  const { caller, callee } = await open();
  caller.socket.write("x".repeat(5000));
  expect(await callee.receives("x".repeat(5000))).toBe("x".repeat(5000));
});

test("refused connections are reset, those that were open too", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.refuse();
  expect(await caller.fate()).toBe("ECONNRESET");
  expect(await callee.fate()).toBe("ECONNRESET");
  expect(await dial(proxy).fate()).toBe("ECONNRESET");
  proxy.heal("arrives");
  const again = await open();
  again.caller.socket.write("x");
  expect(await again.callee.receives("x")).toBe("x");
});

test("a forgotten caller is told nothing until it is healed, while new connections work", async () => {
  const { proxy, open } = await setUp();
  const { caller, callee } = await open();
  proxy.forgetCallers();
  expect(await callee.fate()).toBe("ECONNRESET");
  caller.socket.write("hello?");
  const again = await open();
  again.caller.socket.write("x");
  expect(await again.callee.receives("x")).toBe("x");
  again.callee.socket.write("y");
  expect(await again.caller.receives("y")).toBe("y");
  expect([caller.errorCode, caller.ended]).toEqual([null, false]);
  proxy.heal("arrives");
  expect(await caller.fate()).toBe("ECONNRESET");
});

test("nothing is left of a proxy that is closed in the moment in which the other ends say goodbye", async () => {
  const ends: Socket[] = [];
  const server = createServer((socket) => void ends.push(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await LinkProxy.start(port, new Random(1));
  const callers = Array.from({ length: 10 }, () => dial(proxy));
  await eventually(() => expect(ends).toHaveLength(callers.length));
  const witness = connect({ port, host: "127.0.0.1" }).resume();
  await eventually(() => expect(ends).toHaveLength(callers.length + 1));
  for (const end of ends) end.end();
  // It hears of it last, in the same turn of the event loop in which the proxy's sockets have, and pass it on.
  await once(witness, "end");
  await proxy.close();
  expect(proxy.connectionCount).toBe(0);
});

test("nobody behind the proxy is like nobody there", async () => {
  const proxy = await LinkProxy.start(1, new Random(1));
  onTestFinished(() => proxy.close());
  expect(await dial(proxy).fate()).toBe("ECONNRESET");
});

test("the clocks of a process run at the rate that it is given", async () => {
  const preload = new URL("clock-rate.ts?rate=4", import.meta.url).href;
  const script = `
    const [real, seen] = [process.hrtime.bigint(), performance.now()];
    setTimeout(() => console.log(JSON.stringify({
      realMs: Number(process.hrtime.bigint() - real) / 1e6, seenMs: performance.now() - seen,
    })), 2000);
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", preload, "-e", script]);
  const { realMs, seenMs } = JSON.parse(stdout) as { realMs: number; seenMs: number };
  expect(realMs).toBeGreaterThan(498);
  expect(seenMs).toBeGreaterThan(1990);
  expect(seenMs / realMs).toBeCloseTo(4, 1);
});
