import { expect, test } from "vitest";
import type { InstallSnapshot, Message, NodeId, Receiver } from "@eraft/core";
import { MemoryNetwork } from "@eraft/transport-memory";

const vote = (from: NodeId, to: NodeId, sequence: number): Message => ({
  type: "requestVote",
  from,
  to,
  term: 1,
  sequence,
  lastLogIndex: 0,
  lastLogTerm: 0,
});
const header = (from: NodeId, to: NodeId): InstallSnapshot => ({
  type: "installSnapshot",
  from,
  to,
  term: 1,
  sequence: 7,
  lastIncludedIndex: 5,
  lastIncludedTerm: 1,
});
const responseTo = (request: InstallSnapshot, sequence = request.sequence): Message => ({
  type: "installSnapshotResponse",
  from: request.to,
  to: request.from,
  term: 1,
  sequence,
});

/** Two turns: whatever was sent in this one has been delivered, whichever side of the queue it was on. */
async function delivered(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

async function* chunksOf(...bytes: number[]): AsyncGenerator<Uint8Array> {
  for (const byte of bytes) yield Uint8Array.of(byte);
}
const snapshotOf = (...bytes: number[]) => ({ size: bytes.length, chunks: chunksOf(...bytes) });

class Recorder implements Receiver {
  readonly messages: Message[] = [];
  readonly lost: NodeId[] = [];
  readonly bytes: number[] = [];
  onHeader: (header: InstallSnapshot) => void | Promise<void> = () => {};

  receive(message: Message): void {
    this.messages.push(message);
  }
  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.onHeader(header);
    for await (const chunk of chunks) this.bytes.push(...chunk);
  }
  unreachable(peer: NodeId): void {
    this.lost.push(peer);
  }
}

async function pair() {
  const network = new MemoryNetwork();
  const [a, b] = [network.transport(0), network.transport(1)];
  const [atA, atB] = [new Recorder(), new Recorder()];
  a.setPeers(new Map([[1, ""]]));
  b.setPeers(new Map([[0, ""]]));
  await a.start(atA);
  await b.start(atB);
  return { network, a, b, atA, atB };
}

test("messages arrive in order, unaltered, and never inside the call that sends them", async () => {
  const { a, atA, atB } = await pair();
  const messages = [vote(0, 1, 1), vote(0, 1, 2), vote(0, 1, 3)];
  for (const message of messages) a.send(message);
  expect(atB.messages).toEqual([]);
  await delivered();
  expect(atB.messages).toEqual(messages);
  expect(atA).toMatchObject({ messages: [], lost: [] });
});

test("a peer that is unknown gets nothing; one that is stopped or cut off is reported as unreachable", async () => {
  const { network, a, b, atA, atB } = await pair();
  a.send(vote(0, 2, 1));
  await delivered();
  expect(atA.lost).toEqual([]);
  network.cut(1, 0);
  a.send(vote(0, 1, 1));
  b.send(vote(1, 0, 1));
  await delivered();
  network.heal();
  a.send(vote(0, 1, 2));
  await delivered();
  await b.stop();
  a.send(vote(0, 1, 3));
  await delivered();
  expect(atA).toMatchObject({ messages: [], lost: [1, 1] });
  expect(atB).toMatchObject({ messages: [vote(0, 1, 2)], lost: [0] });
});

test("whoever asks gets an answer, named or not; but nobody else gets anything", async () => {
  const { a, b, atA } = await pair();
  b.setPeers(new Map());
  b.send(responseTo(header(0, 1)));
  await delivered();
  expect(atA.messages).toEqual([]);
  a.send(vote(0, 1, 1));
  await delivered();
  b.send(vote(1, 0, 1));
  b.send(responseTo(header(0, 1)));
  await delivered();
  expect(atA).toMatchObject({ messages: [responseTo(header(0, 1))], lost: [] });
});

test("a cut also stops what is on its way, and stop drops what is queued", async () => {
  const { network, a, b, atA, atB } = await pair();
  a.send(vote(0, 1, 1));
  network.cut(0, 1);
  b.send(vote(1, 0, 1));
  await b.stop();
  await delivered();
  expect(atB.messages).toEqual([]);
  expect(atA).toMatchObject({ messages: [], lost: [1] });
});

test("one transport listens for a server; after its stop a new one takes over", async () => {
  const { network, a, b, atB } = await pair();
  const successor = network.transport(1);
  const atSuccessor = new Recorder();
  await expect(successor.start(atSuccessor)).rejects.toThrow("already on this network");
  await b.stop();
  await b.stop();
  await successor.start(atSuccessor);
  await b.stop();
  a.send(vote(0, 1, 1));
  await delivered();
  expect(atSuccessor.messages).toEqual([vote(0, 1, 1)]);
  expect(atB.messages).toEqual([]);
});

test("the queue is bounded", async () => {
  const { a, atB } = await pair();
  for (let sequence = 0; sequence < 5000; sequence += 1) a.send(vote(0, 1, sequence));
  await delivered();
  expect(atB.messages).toHaveLength(4096);
});

test("sendSnapshot waits for the answer after the data is taken", async () => {
  const { a, b, atA, atB } = await pair();
  let isDone = false;
  const sent = (async () => {
    await a.sendSnapshot(header(0, 1), snapshotOf(1, 2, 3));
    isDone = true;
  })();
  await delivered();
  expect(atB.bytes).toEqual([1, 2, 3]);
  // Neither an answer to another request nor a request with the same number is the answer.
  b.send(responseTo(header(0, 1), 8));
  b.send(vote(1, 0, 7));
  await delivered();
  expect(isDone).toBe(false);
  b.send(responseTo(header(0, 1)));
  await sent;
  expect(atA.messages.at(-1)).toEqual(responseTo(header(0, 1)));
});

test("sendSnapshot waits for the data to be taken after the answer", async () => {
  const { a, b, atA, atB } = await pair();
  atB.onHeader = async (header) => {
    b.send(responseTo(header));
    await delivered();
  };
  await a.sendSnapshot(header(0, 1), snapshotOf(1, 2, 3));
  expect(atB.bytes).toEqual([1, 2, 3]);
  expect(atA.messages).toEqual([responseTo(header(0, 1))]);
});

test("sendSnapshot rejects when the peer cannot be reached or rejects the data", async () => {
  const { network, a, atB } = await pair();
  atB.onHeader = () => Promise.reject(new Error("no room"));
  await expect(a.sendSnapshot(header(0, 1), snapshotOf(1))).rejects.toThrow("no room");
  network.cut(0, 1);
  await expect(a.sendSnapshot(header(0, 1), snapshotOf(1))).rejects.toThrow("cannot be reached");
  await expect(a.sendSnapshot(header(0, 2), snapshotOf(1))).rejects.toThrow("cannot be reached");
});

test("a link cut in the middle of a snapshot breaks the stream at both ends", async () => {
  const { network, a, atB } = await pair();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    network.cut(0, 1);
    yield Uint8Array.of(2);
  }
  await expect(a.sendSnapshot(header(0, 1), { size: 2, chunks: chunks() })).rejects.toThrow(
    "cannot be reached",
  );
  expect(atB.bytes).toEqual([1]);
});

test.for(["the peer stops", "the sender stops", "the answer is lost", "the answer finds no room"])(
  "sendSnapshot does not wait for ever: %s",
  async (end) => {
    const { network, a, b, atB } = await pair();
    atB.onHeader = async (header) => {
      if (end === "the peer stops") await b.stop();
      if (end === "the sender stops") await a.stop();
      if (end === "the answer is lost") network.cut(0, 1);
      if (end === "the answer finds no room") for (let n = 0; n < 4096; n += 1) b.send(vote(1, 0, n));
      b.send(responseTo(header));
    };
    // No data: only the missing answer can end this one.
    const sent = a.sendSnapshot(header(0, 1), snapshotOf());
    await expect(sent).rejects.toThrow(/cannot be reached|was stopped/);
  },
);
