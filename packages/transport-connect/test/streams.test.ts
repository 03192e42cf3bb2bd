import type { Message } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { Proxy } from "./proxy.ts";
import {
  agree,
  appendRequest,
  entriesAfter,
  Inbox,
  isRequest,
  startNode,
  TestReceiver,
  UNARY,
  voteRequest,
} from "./support.ts";
import type { TestNode, TestNodeOptions } from "./support.ts";

const MIB = 1024 * 1024;

/** Hears who is gone. */
class Watcher extends TestReceiver {
  readonly gone = new Inbox<number>();

  disconnected(peer: number): void {
    this.gone.push(peer);
  }
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function node(id: number, options: TestNodeOptions = {}): Promise<TestNode & { receiver: Watcher }> {
  const receiver = new Watcher();
  const started = await startNode(id, { agree: true, receiver, ...options });
  cleanups.push(() => started.stop());
  return { ...started, receiver };
}

/** Servers 1 and 2, each behind a hop that can be broken. */
async function pair(first: TestNodeOptions = {}, second: TestNodeOptions = {}) {
  const [one, two] = [await node(1, first), await node(2, second)];
  const [toOne, toTwo] = [await proxyTo(() => one.port), await proxyTo(() => two.port)];
  one.transport.setPeers(new Map([[2, toTwo.address]]));
  two.transport.setPeers(new Map([[1, toOne.address]]));
  await Promise.all([introduced(one, 2), introduced(two, 1)]);
  return { one, two, toOne, toTwo };
}

async function proxyTo(port: () => number): Promise<Proxy> {
  const proxy = await new Proxy(port).listen();
  cleanups.push(() => proxy.close());
  return proxy;
}

let sequence = 1000;

/** Resolves once `holds`, which is looked at in every turn of the event loop, after `again`. */
async function until(holds: () => boolean, again: () => void = () => {}): Promise<void> {
  while (!holds()) {
    again();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves once `to` has answered `from`, who tries until then. */
async function introduced(from: TestNode, to: number): Promise<void> {
  sequence += 1;
  const request = voteRequest({ from: from.id, to, sequence });
  await until(
    () => isAnswered(from, request),
    () => from.transport.send(request),
  );
}

function isAnswered(from: TestNode, request: Message): boolean {
  return from.receiver.messages.all.some((message) => message.sequence === request.sequence);
}

async function answerTo(from: TestNode, request: Message): Promise<Message | undefined> {
  await until(() => isAnswered(from, request));
  return from.receiver.messages.all.find((message) => message.sequence === request.sequence);
}

const append = (count: number, sizeBytes: number, fields: Partial<ReturnType<typeof appendRequest>> = {}) =>
  appendRequest({ entries: entriesAfter(9, count, sizeBytes), ...fields });

test("heartbeats do not wait for entries: these are on a connection that may stand still", async () => {
  const { one, toTwo } = await pair();
  expect(toTwo.open).toHaveLength(1);
  const first = append(1, 100, { sequence: 1 });
  one.transport.send(first);
  await answerTo(one, first);
  expect(toTwo.open).toHaveLength(2);
  toTwo.links[1]?.hold();
  for (let i = 2; i < 6; i += 1) one.transport.send(append(3, MIB, { sequence: i }));
  const heartbeat = appendRequest({ sequence: 9 });
  one.transport.send(heartbeat);
  expect(await answerTo(one, heartbeat)).toEqual(agree(heartbeat));
  const answered = one.receiver.messages.all.map((message) => message.sequence);
  expect(answered.filter((number) => number > 1 && number < 6)).toEqual([]);
});

test("entries arrive in the order they were sent, however large they are", async () => {
  const { one, two } = await pair();
  const sizes = [10, 2 * MIB, 1, 300_000, 0, MIB];
  for (const [i, sizeBytes] of sizes.entries()) one.transport.send(append(1, sizeBytes, { sequence: i }));
  const appends = () => two.receiver.messages.all.filter((message) => message.type === "appendEntries");
  await until(() => appends().length === sizes.length);
  const received = appends().map(({ sequence, entries }) => [sequence, entries[0]?.command.length]);
  expect(received).toEqual([...sizes.entries()]);
});

test("a peer whose process is gone is so at once, for whoever it spoke with, once", async () => {
  const { one, two, toOne, toTwo } = await pair();
  one.transport.send(append(1, 10));
  await answerTo(one, append(1, 10));
  // One after the other, as a system closes what a process had open.
  toTwo.links[1]?.break();
  toTwo.links[0]?.break();
  toOne.breakAll();
  expect([await one.receiver.gone.next(), await two.receiver.gone.next()]).toEqual([2, 1]);
  await Promise.all([introduced(one, 2), introduced(two, 1)]);
  expect([one.receiver.gone.all, two.receiver.gone.all]).toEqual([[2], [1]]);
  toOne.breakAll();
  toTwo.breakAll();
  await Promise.all([one.receiver.gone.next(), two.receiver.gone.next()]);
});

test("a connection that breaks alone loses what was on it, and makes nobody leave", async () => {
  const { one, two, toTwo } = await pair();
  const first = append(1, 10, { sequence: 1 });
  one.transport.send(first);
  await answerTo(one, first);
  two.receiver.onMessage = () => {};
  one.transport.send(append(1, 10, { sequence: 2 }));
  await until(() => two.receiver.messages.all.some((message) => message.sequence === 2));
  const before = one.receiver.unreached.all.length;
  toTwo.links[1]?.break();
  await until(() => one.receiver.unreached.all.length > before);
  expect(one.receiver.unreached.all.at(-1)).toMatchObject({ peer: 2, error: { code: "unreachable" } });
  two.receiver.onMessage = (message) => {
    if (isRequest(message)) two.transport.send(agree(message));
  };
  await Promise.all([introduced(one, 2), introduced(two, 1)]);
  // All of one direction: the other one still speaks.
  toTwo.breakAll();
  await introduced(one, 2);
  expect([one.receiver.gone.all, two.receiver.gone.all]).toEqual([[], []]);
});

test("who stops is gone for the others, and the others are not for it", async () => {
  const { one, two } = await pair();
  await two.transport.stop();
  expect(await one.receiver.gone.next()).toBe(2);
  expect(two.receiver.gone.all).toEqual([]);
});

test("a peer that is removed, or moves, is not gone: it was this side that let it go", async () => {
  const { one, two } = await pair();
  one.transport.setPeers(new Map());
  expect(await two.receiver.gone.next()).toBe(1);
  two.transport.setPeers(new Map([[1, one.address]]));
  one.transport.setPeers(new Map([[2, two.address]]));
  await introduced(one, 2);
  expect(one.receiver.gone.all).toEqual([]);
});

test.for(ENGINES)(
  "a server with the HTTP/2 of $engine that closes its port tells the streams of its peers so, and does not wait for them",
  async ({ engine }) => {
    const { one, two } = await pair({}, { engine, serverLimits: { closeGraceMs: 60_000 } });
    two.receiver.onMessage = () => {};
    one.transport.send(voteRequest({ sequence: 1 }));
    await until(() => two.receiver.messages.all.some((message) => message.sequence === 1));
    await two.server.close();
    const texts = () => one.receiver.unreached.all.map(({ error }) => error.message);
    await until(() => texts().some((text) => text.endsWith("this server is shutting down")));
    // It goes on to speak, and to hear what it is answered.
    await introduced(two, 1);
    expect([one.receiver.gone.all, two.receiver.gone.all]).toEqual([[], []]);
  },
);

test("a peer that comes back at the same port is found, by whoever is first", async () => {
  const { one, two, toTwo } = await pair();
  await two.stop();
  expect(await one.receiver.gone.next()).toBe(2);
  const again = await node(2, { port: two.port, peers: new Map([[1, one.address]]) });
  await Promise.all([introduced(one, 2), introduced(again, 1)]);
  expect(toTwo.open.length).toBeGreaterThan(0);
});

const isDenied = (message: Message): boolean => message.type === "preVoteResponse" && !message.voteGranted;

test("a peer that is upgraded at its port is noticed, and so is one that is put back", async () => {
  const one = await node(1);
  const old = await node(2, { ...UNARY, peers: new Map([[1, one.address]]) });
  one.transport.setPeers(new Map([[2, old.address]]));
  const preVote = { type: "preVote", from: 1, to: 2, term: 5, lastLogIndex: 9, lastLogTerm: 4 } as const;
  await introduced(one, 2);
  one.transport.send({ ...preVote, sequence: 1 });
  // It does not know it: nobody asks it.
  expect(await answerTo(one, { ...preVote, sequence: 1 })).toMatchObject({ voteGranted: true });
  await old.stop();

  const upgraded = await node(2, { port: old.port, peers: new Map([[1, one.address]]) });
  upgraded.receiver.onMessage = (message) => {
    if (isRequest(message)) upgraded.transport.send(agree(message));
    if (message.type !== "preVote") return;
    const { from, to, term } = message;
    const answer = { from: to, to: from, term, sequence: message.sequence };
    upgraded.transport.send({ type: "preVoteResponse", ...answer, voteGranted: false });
  };
  await introduced(upgraded, 1);
  await until(
    () => one.receiver.messages.all.some(isDenied),
    () => one.transport.send({ ...preVote, sequence: 2 }),
  );
  await upgraded.stop();

  const putBack = await node(2, { ...UNARY, port: old.port, peers: new Map([[1, one.address]]) });
  await Promise.all([introduced(one, 2), introduced(putBack, 1)]);
});

test("a server without streams and one with them get along, in both directions", async () => {
  const { one, two } = await pair(UNARY);
  const request = append(3, 100);
  one.transport.send(request);
  expect(await answerTo(one, request)).toEqual(agree(request));
  const other = append(3, 100, { from: 2, to: 1, sequence: 5 });
  two.transport.send(other);
  expect(await answerTo(two, other)).toEqual(agree(other));
});
