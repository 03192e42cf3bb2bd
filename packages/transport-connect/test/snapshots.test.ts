import type { InstallSnapshot } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { Proxy } from "./proxy.ts";
import {
  agree,
  appendRequest,
  ManualClock,
  PATIENT,
  snapshotHeader,
  startNode,
  TestReceiver,
  voteRequest,
} from "./support.ts";
import type { TestNode, TestNodeOptions } from "./support.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 100_000;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** Resolves once `holds`, which is looked at in every turn of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Stores snapshots, chunk by chunk, as fast as it is let. */
class Storing extends TestReceiver {
  storedBytes = 0;
  calls = 0;
  failure: Error | null = null;
  /** What it waits for before each chunk. */
  gate: (storedBytes: number) => Promise<void> | void = () => {};

  override async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.calls += 1;
    this.storedBytes = 0;
    const parts: Uint8Array[] = [];
    try {
      for await (const chunk of chunks) {
        parts.push(chunk);
        await this.gate(this.storedBytes);
        this.storedBytes += chunk.byteLength;
      }
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
    this.snapshots.push({ header, data: Buffer.concat(parts) });
    await this.onSnapshot(header);
  }
}

/** Server 1 sends its snapshots to server 2 through a hop that can be broken. */
async function pair(first: TestNodeOptions = {}, second: TestNodeOptions = {}) {
  const receiver = new Storing();
  const one = await startNode(1, first);
  const two = await startNode(2, { agree: true, receiver, ...second });
  const proxy = await new Proxy(() => two.port).listen();
  cleanups.push(
    () => one.stop(),
    () => two.stop(),
    () => proxy.close(),
  );
  one.transport.setPeers(new Map([[2, proxy.address]]));
  two.transport.setPeers(new Map([[1, one.address]]));
  one.transport.send(voteRequest());
  await one.receiver.messages.next();
  return { one, two, receiver, proxy };
}

/** A snapshot whose bytes tell where they belong, and how much of it has been read. */
function source(size: number, at: (readBytes: number) => Promise<void> | void = () => {}) {
  const read = { bytes: 0, times: 0, isClosed: false };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    read.times += 1;
    try {
      while (read.bytes < size) {
        await at(read.bytes);
        const chunk = bytesAt(read.bytes, Math.min(CHUNK_BYTES, size - read.bytes));
        read.bytes += chunk.byteLength;
        yield chunk;
      }
    } finally {
      read.isClosed = true;
    }
  }
  return { read, snapshot: { size, chunks: chunks() } };
}

function bytesAt(offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (offset + i) % 251;
  return bytes;
}

const send = (from: TestNode, snapshot: ReturnType<typeof source>["snapshot"], fields = {}) =>
  from.transport.sendSnapshot(snapshotHeader(fields), snapshot);

test("a snapshot of any size passes, and neither end holds more of it than the window", async () => {
  const size = 80 * MIB;
  const { one, receiver } = await pair();
  let aheadBytes = 0;
  let differentBytes = 0;
  const { read, snapshot } = source(size, (readBytes) => {
    aheadBytes = Math.max(aheadBytes, readBytes - receiver.storedBytes);
  });
  receiver.receiveSnapshot = async (header, chunks) => {
    for await (const chunk of chunks) {
      const expected = bytesAt(receiver.storedBytes, chunk.byteLength);
      if (expected.compare(chunk) !== 0) differentBytes += chunk.byteLength;
      receiver.storedBytes += chunk.byteLength;
    }
    await receiver.onSnapshot(header);
  };
  await send(one, snapshot);
  expect([receiver.storedBytes, differentBytes, read.times]).toEqual([size, 0, 1]);
  // Both ends have a window of 4 MiB, and the reader one chunk more in hand.
  expect(aheadBytes).toBeLessThanOrEqual(8 * MIB + CHUNK_BYTES);
  expect(one.receiver.messages.all.at(-1)).toEqual(agree(snapshotHeader()));
});

test("a snapshot that breaks off goes on where it was, again and again, within one call", async () => {
  const { one, proxy, receiver } = await pair();
  const size = 3 * MIB;
  const breaks = new Set([0.5, 1.2, 2.1].map((share) => Math.floor(share * MIB)));
  receiver.gate = (storedBytes) => {
    for (const at of breaks) {
      if (storedBytes < at) continue;
      breaks.delete(at);
      proxy.breakAll();
    }
  };
  const { read, snapshot } = source(size);
  await send(one, snapshot, { sequence: 8 });
  expect([receiver.calls, read.times, breaks.size]).toEqual([1, 1, 0]);
  const received = await receiver.snapshots.next();
  expect(received.header).toEqual(snapshotHeader({ sequence: 8 }));
  expect(received.data.equals(bytesAt(0, size))).toBe(true);
  expect(one.receiver.messages.all.filter(({ type }) => type === "installSnapshotResponse")).toHaveLength(1);
});

test("what has arrived and is not stored yet is not sent again", async () => {
  const { one, proxy, receiver } = await pair();
  let isBroken = false;
  receiver.gate = async (storedBytes) => {
    if (isBroken || storedBytes < MIB) return;
    isBroken = true;
    // Some has arrived behind what is being stored.
    await until(() => proxy.open.length === 2);
    proxy.breakAll();
    await until(() => proxy.open.length === 2);
    // There and back: the snapshot has gone on by then.
    one.transport.send(voteRequest({ sequence: 99 }));
    await until(() => one.receiver.messages.all.some(({ sequence }) => sequence === 99));
  };
  await send(one, source(6 * MIB).snapshot);
  expect(receiver.calls).toBe(1);
  expect((await receiver.snapshots.next()).data.equals(bytesAt(0, 6 * MIB))).toBe(true);
});

test("so does one whose connection breaks while it is being stored", async () => {
  const { one, proxy, receiver, two } = await pair();
  receiver.onSnapshot = async (header) => {
    proxy.breakAll();
    await until(() => proxy.open.length === 0);
    two.transport.send(agree(header));
  };
  await send(one, source(CHUNK_BYTES).snapshot);
  expect(receiver.calls).toBe(1);
});

test("a receiver that has restarted makes the sender begin again, at once", async () => {
  const { one, proxy, receiver, two } = await pair();
  receiver.gate = async (storedBytes) => {
    if (storedBytes < MIB) return;
    await two.transport.stop();
    proxy.breakAll();
    await two.transport.start(receiver);
  };
  const first = source(3 * MIB);
  await expect(send(one, first.snapshot)).rejects.toMatchObject({ code: "unavailable" });
  await until(() => first.read.isClosed);
  expect(receiver.failure?.message).toMatch(/this server has stopped/);
  receiver.gate = () => {};
  const second = source(3 * MIB);
  await send(one, second.snapshot, { sequence: 74 });
  expect((await receiver.snapshots.next()).data.equals(bytesAt(0, 3 * MIB))).toBe(true);
});

test("heartbeats do not wait for a snapshot: it is on a connection that may stand still", async () => {
  const { one, proxy, receiver } = await pair();
  const { promise, resolve } = Promise.withResolvers<void>();
  receiver.gate = () => {
    proxy.links[1]?.hold();
    resolve();
  };
  const sending = send(one, source(20 * MIB).snapshot).catch((error: unknown) => error);
  await promise;
  for (let sequence = 100; sequence < 110; sequence += 1) {
    const heartbeat = appendRequest({ sequence });
    one.transport.send(heartbeat);
    expect(await one.receiver.messages.next()).toEqual(agree(heartbeat));
  }
  one.transport.setPeers(new Map());
  expect(await sending).toMatchObject({ code: "stopped" });
});

test("its connection ends with it", async () => {
  const { one, proxy } = await pair();
  await send(one, source(CHUNK_BYTES).snapshot);
  await until(() => proxy.open.length === 1);
  expect(proxy.links).toHaveLength(2);
});

test.for([
  ["this server stops", (one: TestNode) => one.transport.stop()],
  ["the peer is removed", async (one: TestNode) => one.transport.setPeers(new Map())],
] as const)("it is cancelled when %s", async ([, end]) => {
  const { one, receiver } = await pair({}, { transport: { deadlines: { ...PATIENT, snapshotIdleMs: 50 } } });
  const { promise, resolve } = Promise.withResolvers<void>();
  const { read, snapshot } = source(3 * MIB, (readBytes) => {
    if (readBytes < MIB) return;
    resolve();
    return new Promise(() => {});
  });
  const sending = send(one, snapshot).catch((error: unknown) => error);
  await promise;
  await until(() => receiver.calls === 1);
  await end(one);
  expect(await sending).toMatchObject({ code: "stopped" });
  expect(read.times).toBe(1);
  // The other end has not been told, its connection is gone.
  await until(() => receiver.failure !== null);
});

test("when its own disk fails, its error is what is passed on, and the receiver does not wait", async () => {
  const { one, receiver } = await pair();
  const { snapshot } = source(3 * MIB, (readBytes) => {
    if (readBytes > MIB) throw new Error("read error");
  });
  await expect(send(one, snapshot)).rejects.toThrow(/^read error$/);
  await until(() => receiver.failure !== null);
  expect(receiver.failure?.message).toMatch(/the sender has given up: read error/);
  expect(one.receiver.unreached.all).toEqual([]);
});

test("a receiver that hangs in the middle is a timeout, and its sender lets go of the snapshot", async () => {
  const deadlines = { ...PATIENT, snapshotIdleMs: 200 };
  const { one, receiver } = await pair({ transport: { deadlines } });
  receiver.gate = (storedBytes) => (storedBytes >= MIB ? new Promise(() => {}) : undefined);
  const { read, snapshot } = source(20 * MIB);
  await expect(send(one, snapshot)).rejects.toMatchObject({
    code: "timeout",
    message: expect.stringMatching(/no progress with a snapshot within 200 ms$/) as string,
  });
  await until(() => read.isClosed);
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "timeout" });
});

test("a receiver that is long in storing it is waited for", async () => {
  const deadlines = { ...PATIENT, snapshotIdleMs: 1200 };
  const { one, receiver, two } = await pair({ transport: { deadlines } });
  receiver.onSnapshot = async (header) => {
    await new Promise((resolve) => setTimeout(resolve, 2300));
    two.transport.send(agree(header));
  };
  await send(one, source(CHUNK_BYTES).snapshot);
  expect(one.receiver.messages.all.at(-1)?.type).toBe("installSnapshotResponse");
});

test("a peer that does not come back is given up", async () => {
  const deadlines = { ...PATIENT, snapshotIdleMs: 300 };
  const { one, proxy, receiver } = await pair({ transport: { deadlines } });
  receiver.gate = (storedBytes) => {
    if (storedBytes >= MIB) proxy.refuse(true);
  };
  await expect(send(one, source(3 * MIB).snapshot)).rejects.toMatchObject({ code: "timeout" });
});

test("a peer that was never there is not waited for", async () => {
  const { one, proxy } = await pair();
  proxy.refuse(true);
  await expect(send(one, source(CHUNK_BYTES).snapshot)).rejects.toMatchObject({ code: "unreachable" });
});

test("a refusal of the core is handed over, and is no success", async () => {
  const { one, receiver, two } = await pair();
  const refusal = { type: "refusal", from: 2, to: 1, term: 9, sequence: 73, reason: "termLeap" } as const;
  receiver.onSnapshot = () => two.transport.send(refusal);
  await expect(send(one, source(CHUNK_BYTES).snapshot)).rejects.toMatchObject({ code: "refused" });
  expect(one.receiver.messages.all.at(-1)).toEqual(refusal);
});

test("it is sent at the pace that is set", async () => {
  const clock = new ManualClock();
  const limits = { snapshotBytesPerSecond: 8000 };
  const { one, receiver } = await pair({ limits, transport: { clock } });
  const sending = send(one, source(5000).snapshot);
  for (let blocks = 1; blocks <= 5; blocks += 1) {
    await until(() => receiver.storedBytes === blocks * 1000);
    // Nothing more comes by itself: an answer that was asked for later is here.
    one.transport.send(voteRequest({ sequence: 500 + blocks }));
    await until(() => one.receiver.messages.all.some(({ sequence }) => sequence === 500 + blocks));
    expect(receiver.storedBytes).toBe(blocks * 1000);
    clock.advance(124);
    clock.advance(1);
  }
  await sending;
});

test("two snapshots to one peer, one after the other, do not mix", async () => {
  const { one, receiver } = await pair();
  for (const sequence of [5, 6]) {
    await send(one, source(CHUNK_BYTES * sequence).snapshot, { sequence, lastIncludedIndex: sequence });
    const received = await receiver.snapshots.next();
    expect(received.header).toEqual(snapshotHeader({ sequence, lastIncludedIndex: sequence }));
    expect(received.data.equals(bytesAt(0, CHUNK_BYTES * sequence))).toBe(true);
  }
});
