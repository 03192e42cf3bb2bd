import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MeteredLinks } from "./metered-links.ts";
import type { MeteredLink } from "./metered-links.ts";
import {
  appendRequest,
  chunksOf,
  entriesAfter,
  ManualClock,
  snapshotHeader,
  startNode,
  TestReceiver,
} from "./support.ts";

/** A little above the slowest that is not given up: 64 KiB take seven seconds. */
const LINE_BYTES_PER_SECOND = 9400;
const SIZE_BYTES = 900 * 1024;

const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  // What connections go by. The rest of a node goes by its clock.
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
});

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** Two nodes; the second connection of the first one goes through a line that carries nothing by itself. */
async function startOverSlowLine() {
  const clock = new ManualClock();
  const two = await startNode(2, {
    agree: true,
    peers: new Map([[1, "127.0.0.1:1"]]),
    transport: { clock, deadlines: { snapshotIdleMs: 10_000 } },
  });
  const line = await new MeteredLinks(
    () => two.port,
    (link) => (link === 1 ? 0 : Infinity),
  ).listen();
  const receiver = new TestReceiver();
  const one = await startNode(1, {
    peers: new Map([[2, line.address]]),
    transport: { clock, deadlines: { snapshotIdleMs: 10_000 } },
    receiver,
  });
  cleanups.push(async () => {
    await one.stop();
    await two.stop();
    await line.close();
  });
  return { clock, line, one, two };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
  await settle();
}

/** What is on its way within this process arrives, and its answers. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (let i = 0; i < 20; i += 1) await turn();
}

/** One link after another, each as it is made. */
async function linkOf(line: MeteredLinks, number: number): Promise<MeteredLink> {
  await until(() => line.links.length > number);
  const link = line.links[number];
  if (link === undefined) throw new RangeError("there is none");
  return link;
}

/** Lets time pass while a link carries what it can, until all of something has been delivered. Returns how long that took. */
async function carry(link: MeteredLink, clock: ManualClock, isDelivered: () => boolean): Promise<number> {
  let seconds = 0;
  while (!isDelivered()) {
    link.pass(LINE_BYTES_PER_SECOND);
    await settle();
    vi.advanceTimersByTime(1000);
    clock.advance(1000);
    seconds += 1;
    expect(link.isOpen || isDelivered()).toBe(true);
  }
  return seconds;
}

test("a large value arrives over a slow link, and is sent once", async () => {
  const { clock, line, one, two } = await startOverSlowLine();
  const message = appendRequest({ entries: entriesAfter(9, 1, SIZE_BYTES) });
  one.transport.send(message);
  const link = await linkOf(line, 1);
  const seconds = await carry(link, clock, () => one.receiver.messages.all.length > 0);
  expect(seconds).toBeGreaterThan(90);
  expect(two.receiver.messages.all).toMatchObject([{ type: "appendEntries", entries: message.entries }]);
  expect(one.receiver.messages.all).toMatchObject([{ type: "appendEntriesResponse", success: true }]);
  expect(line.links).toHaveLength(2);
  expect(one.receiver.unreached.all).toEqual([]);
});

test("a connection on which nothing arrives any more is given up although the peer answers on another", async () => {
  const { clock, line, one, two } = await startOverSlowLine();
  one.transport.send(appendRequest({ entries: entriesAfter(9, 1, SIZE_BYTES) }));
  const link = await linkOf(line, 1);
  link.pass(200_000);
  await until(() => link.backwardBytes > 0);
  let silentMs = 0;
  while (link.isOpen) {
    vi.advanceTimersByTime(1000);
    silentMs += 1000;
    await settle();
  }
  expect(silentMs).toBeLessThanOrEqual(13_000);
  const { error } = await one.receiver.unreached.next();
  expect(error).toMatchObject({ code: "unreachable" });
  expect(line.links[0]?.isOpen).toBe(true);
  const again = appendRequest({ sequence: 73, entries: entriesAfter(9, 1, SIZE_BYTES) });
  while (two.receiver.messages.all.length === 0) {
    clock.advance(100);
    one.transport.send(again);
    await settle();
  }
  expect(two.receiver.messages.all).toMatchObject([{ sequence: 73 }]);
  expect(line.links).toHaveLength(3);
});

test("an idle connection is given up as soon as a ping is late: nothing is on its way", async () => {
  const { line, one, two } = await startOverSlowLine();
  one.transport.send(appendRequest({ entries: entriesAfter(9, 1, 50_000) }));
  const link = await linkOf(line, 1);
  link.pass(100_000);
  await two.receiver.messages.next();
  // A ping that is answered tells that all before it has arrived.
  const before = link.backwardBytes;
  vi.advanceTimersByTime(2000);
  await until(() => link.backwardBytes > before);
  link.pass(Number.NEGATIVE_INFINITY);
  let silentMs = 0;
  while (link.isOpen) {
    vi.advanceTimersByTime(1000);
    silentMs += 1000;
    await settle();
  }
  expect(silentMs).toBeLessThanOrEqual(5000);
});

test("a snapshot arrives over a slow link, and is sent once", async () => {
  const { clock, line, one, two } = await startOverSlowLine();
  const data = new Uint8Array(SIZE_BYTES).fill(7);
  let isDone = false;
  const sent = one.transport
    .sendSnapshot(snapshotHeader(), { size: data.byteLength, chunks: chunksOf(data) })
    .then(() => (isDone = true));
  const link = await linkOf(line, 1);
  await carry(link, clock, () => isDone);
  await sent;
  const { data: received } = await two.receiver.snapshots.next();
  expect(received.equals(data)).toBe(true);
  expect(line.links).toHaveLength(2);
});
