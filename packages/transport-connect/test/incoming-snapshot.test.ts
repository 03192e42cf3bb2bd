import { Code, createRouterTransport } from "@connectrpc/connect";
import type { InstallSnapshot } from "@eraft/core";
import { ConnectTransport } from "@eraft/transport-connect";
import type { ConnectTransportOptions } from "@eraft/transport-connect";
import { expect, test } from "vitest";
import { crc32c } from "../src/snapshot/crc32c.ts";
import { openOver } from "../src/stream/connect-pipes.ts";
import { FakePeers, settled } from "./fake-pipes.ts";
import { RawInstall } from "./raw-stream.ts";
import { agree, Inbox, ManualClock, snapshotHeader, TestReceiver } from "./support.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i * 3);

/** A receiver that reads only when told to. */
class SlowReceiver extends TestReceiver {
  readonly readers = new Inbox<{ header: InstallSnapshot; chunks: AsyncIterator<Uint8Array> }>();
  readonly stored = Promise.withResolvers<void>();

  override receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.readers.push({ header, chunks: chunks[Symbol.asyncIterator]() });
    return this.stored.promise;
  }
}

/** Server 2, to which server 1 sends snapshots, within the process. */
async function setup(options: Partial<ConnectTransportOptions> = {}) {
  const clock = new ManualClock();
  const { connect } = new FakePeers();
  const limits = { snapshotWindowBytes: 50, ...options.limits };
  const transport = new ConnectTransport({ id: 2, connect, clock, ...options, limits });
  const receiver = new SlowReceiver();
  transport.setPeers(new Map([[1, "one:1"]]));
  await transport.start(receiver);
  const open = openOver(createRouterTransport((router) => transport.routes(router)));
  return { clock, transport, receiver, call: () => new RawInstall(open) };
}

const chunk = (from: number, to: number) => ({
  chunk: { offset: BigInt(from), data: BYTES.subarray(from, to), checksum: crc32c(BYTES.subarray(0, to)) },
});

async function begun(parts: Awaited<ReturnType<typeof setup>>, sizeBytes = BYTES.length) {
  const call = parts.call();
  call.begin({ sizeBytes: BigInt(sizeBytes), resumableFrom: 0n });
  const first = await call.frames.next();
  return { call, first, reader: (await parts.receiver.readers.next()).chunks };
}

test("a snapshot is read as it comes, and its sender hears what was taken", async () => {
  const parts = await setup();
  const { call, first, reader } = await begun(parts);
  expect(first).toMatchObject({
    welcome: { version: 1, from: 2n },
    progress: { receivedBytes: 0n, takenBytes: 0n, checksum: 0, windowBytes: 50n },
  });
  expect(parts.receiver.readers.all[0]?.header).toEqual(snapshotHeader());
  let next = reader.next();
  for (const [from, to] of [
    [0, 30],
    [30, 50],
    [50, 100],
  ] as const) {
    call.send(chunk(from, to));
    expect(await next).toEqual({ done: false, value: BYTES.subarray(from, to) });
    // Asking for the next one says that this one is stored.
    next = reader.next();
    const { progress } = await call.frames.next();
    expect(progress).toMatchObject({ receivedBytes: BigInt(to), takenBytes: BigInt(to) });
  }
  expect((await next).done).toBe(true);
});

test("its answer goes back on its stream, and the reader has all of it", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts, 40);
  call.send(chunk(0, 30));
  call.send(chunk(30, 40));
  expect((await reader.next()).value).toEqual(BYTES.subarray(0, 30));
  expect((await reader.next()).value).toEqual(BYTES.subarray(30, 40));
  expect((await reader.next()).done).toBe(true);
  parts.transport.send(agree(snapshotHeader()));
  const last = await lastOf(call, ({ answer }) => answer !== undefined);
  expect(last.answer).toMatchObject({ sequence: 73n, term: 5n, body: { case: "snapshot" } });
});

async function lastOf(call: RawInstall, is: (frame: RawInstall["frames"]["all"][number]) => boolean) {
  for (;;) {
    const frame = await call.frames.next();
    if (is(frame)) return frame;
  }
}

test("a snapshot of no bytes is whole at once", async () => {
  const { reader } = await begun(await setup(), 0);
  expect((await reader.next()).done).toBe(true);
});

test.for([
  ["a gap", chunk(31, 50), Code.InvalidArgument],
  ["the same again", chunk(0, 30), Code.InvalidArgument],
  [
    "more than announced",
    { chunk: { ...chunk(30, 50).chunk, data: new Uint8Array(71) } },
    Code.InvalidArgument,
  ],
  [
    "nothing in a chunk",
    { chunk: { offset: 30n, data: new Uint8Array(0), checksum: 0 } },
    Code.InvalidArgument,
  ],
  ["neither chunk nor end", {}, Code.InvalidArgument],
  ["other bytes than were sent", { chunk: { ...chunk(30, 50).chunk, checksum: 1 } }, Code.DataLoss],
  ["more than the window", chunk(30, 51), Code.ResourceExhausted],
] as const)("%s ends the stream, and is not read", async ([, frame, code]) => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  call.send(chunk(0, 30));
  call.send(frame);
  expect(await call.over).toMatchObject({ code });
  expect((await reader.next()).value).toEqual(BYTES.subarray(0, 30));
  // What came before counts: the sender goes on behind it.
  const again = parts.call();
  again.begin({ sizeBytes: 100n, resumableFrom: 0n });
  expect((await again.frames.next()).progress).toMatchObject({
    receivedBytes: 30n,
    checksum: crc32c(BYTES.subarray(0, 30)),
  });
});

test("after a break it goes on where it was, and the reader notices nothing", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  call.send(chunk(0, 30));
  await reader.next();
  const waiting = reader.next();
  await lastOf(call, ({ progress }) => progress?.takenBytes === 30n);
  call.pipe.abort();
  await settled();
  const again = parts.call();
  again.begin({ sizeBytes: 100n, resumableFrom: 30n });
  expect((await again.frames.next()).progress).toMatchObject({ receivedBytes: 30n, takenBytes: 30n });
  again.send(chunk(30, 60));
  expect((await waiting).value).toEqual(BYTES.subarray(30, 60));
  expect(parts.receiver.readers.all).toHaveLength(1);
});

test("an answer that was given while the connection was broken is given again", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts, 30);
  call.send(chunk(0, 30));
  await reader.next();
  call.pipe.abort();
  await settled();
  parts.transport.send(agree(snapshotHeader()));
  for (let times = 0; times < 2; times += 1) {
    const again = parts.call();
    again.begin({ sizeBytes: 30n, resumableFrom: 0n });
    expect((await lastOf(again, ({ answer }) => answer !== undefined)).answer?.body.case).toBe("snapshot");
    again.pipe.abort();
  }
  expect(parts.receiver.readers.all).toHaveLength(1);
});

test.for([
  ["after a restart of this server", 1n, 11n],
  ["of another transfer", 2n, 11n],
  ["of another run of the sender", 1n, 12n],
] as const)(
  "a sender that has nothing but the end is told to begin again: %s",
  async ([why, transfer, run]) => {
    const parts = await setup();
    if (!why.includes("restart")) await begun(parts);
    const call = parts.call();
    call.begin({ transfer, sizeBytes: 100n, resumableFrom: 30n }, { run });
    expect(await call.over).toMatchObject({
      code: Code.Unavailable,
      rawMessage: "the beginning of this snapshot is not here any more",
    });
  },
);

test("a newer transfer of the same sender takes the place of the older one", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  const waiting = reader.next();
  const newer = parts.call();
  newer.begin({ transfer: 2n, sequence: 74n, sizeBytes: 10n, resumableFrom: 0n });
  await newer.frames.next();
  await expect(waiting).rejects.toThrow(/a newer snapshot/);
  expect(await call.over).toMatchObject({ code: Code.Unavailable });
  expect(parts.receiver.readers.all).toHaveLength(2);
});

test("one whose sender is not connected makes way for that of another; one whose sender is does not", async () => {
  const parts = await setup();
  parts.transport.setPeers(new Map([1, 3, 4].map((id) => [id, `host:${id}`])));
  const { call, reader } = await begun(parts);
  const begin = async (id: bigint) => {
    const other = parts.call();
    other.begin({ sizeBytes: 10n, resumableFrom: 0n }, { from: id });
    await other.frames.next();
  };
  const waiting = reader.next();
  await begin(3n);
  call.send(chunk(0, 30));
  expect((await waiting).value).toEqual(BYTES.subarray(0, 30));
  call.pipe.abort();
  await settled();
  await begin(4n);
  await expect(reader.next()).rejects.toThrow(/a newer snapshot/);
});

test("a sender that gives up says so, and the reader does not wait for it", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  const waiting = reader.next();
  call.send({ abort: "its disk failed" });
  await expect(waiting).rejects.toThrow("the sender has given up: its disk failed");
});

test("one that does not come back is not waited for longer than snapshotIdleMs", async () => {
  const parts = await setup({ deadlines: { snapshotIdleMs: 5000 } });
  const { timers } = parts.clock;
  const { call, reader } = await begun(parts);
  const waiting = reader.next();
  for (let seconds = 0; seconds < 4; seconds += 1) parts.clock.advance(1000);
  call.send(chunk(0, 30));
  expect((await waiting).value).toHaveLength(30);
  const starving = reader.next();
  call.pipe.abort();
  let isOver = false;
  const over = starving.catch(() => (isOver = true));
  for (let seconds = 0; seconds < 4; seconds += 1) parts.clock.advance(1000);
  await settled();
  expect(isOver).toBe(false);
  parts.clock.advance(1000);
  await over;
  expect(isOver).toBe(true);
  // The look at what is open ends with it.
  parts.clock.advance(1000);
  expect(parts.clock.timers).toBeLessThanOrEqual(timers);
});

test("while it is being stored its sender hears so every second, and so before it is read", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts, 30);
  const signs = () => call.frames.all.filter(({ progress }) => progress !== undefined).length;
  parts.clock.advance(1000);
  await settled();
  expect(signs()).toBe(2);
  call.send(chunk(0, 30));
  await reader.next();
  parts.clock.advance(1000);
  await settled();
  // It has the chunk in hand. If it hangs there, nobody says that all is well.
  expect(signs()).toBe(2);
  await reader.next();
  await settled();
  expect(signs()).toBe(3);
  parts.clock.advance(1000);
  await settled();
  expect(signs()).toBe(4);
  parts.receiver.stored.resolve();
  await settled();
  parts.clock.advance(1000);
  await settled();
  expect(signs()).toBe(4);
});

test("a snapshot that cannot be stored is an error for its sender, also when it comes back", async () => {
  const parts = await setup();
  const { call } = await begun(parts);
  parts.receiver.stored.reject(new Error("disk full"));
  const text = "the snapshot could not be stored: disk full";
  expect(await call.over).toMatchObject({ code: Code.Unavailable, rawMessage: text });
  const again = parts.call();
  again.begin({ sizeBytes: 100n, resumableFrom: 0n });
  expect(await again.over).toMatchObject({ code: Code.Unavailable, rawMessage: text });
});

test("a reader that leaves lets the rest pass, and one that is told to stop does", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  await reader.return?.();
  for (const [from, to] of [
    [0, 50],
    [50, 100],
  ] as const) {
    call.send(chunk(from, to));
    await lastOf(call, ({ progress }) => progress?.takenBytes === BigInt(to));
  }
  await parts.transport.stop();
  expect(await call.over).toMatchObject({ code: Code.Unavailable, rawMessage: "this server has stopped" });
});

test("after stop the reader is not left waiting", async () => {
  const parts = await setup();
  const { reader } = await begun(parts);
  const waiting = reader.next();
  await parts.transport.stop();
  await expect(waiting).rejects.toThrow(/this server has stopped/);
  expect(parts.clock.timers).toBe(0);
});

test("nor when the snapshot is answered before its end", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  const waiting = reader.next();
  parts.transport.send(agree(snapshotHeader()));
  expect((await lastOf(call, ({ answer }) => answer !== undefined)).answer?.sequence).toBe(73n);
  await expect(waiting).rejects.toThrow(/answered before its end/);
  await expect(reader.next()).rejects.toThrow(/answered before its end/);
});

test("who sends a snapshot introduces itself like everybody else", async () => {
  const parts = await setup();
  const say: [Code, (call: RawInstall) => void][] = [
    [Code.InvalidArgument, (call) => call.send(chunk(0, 30))],
    [Code.InvalidArgument, (call) => call.send({ header: { transfer: 1n } })],
    [Code.InvalidArgument, (call) => call.begin({ sizeBytes: 1n, term: 0n })],
    [Code.PermissionDenied, (call) => call.begin({ sizeBytes: 1n }, { from: 9n })],
    [Code.FailedPrecondition, (call) => call.begin({ sizeBytes: 1n }, { to: 9n })],
  ];
  for (const [code, speak] of say) {
    const call = parts.call();
    speak(call);
    expect(await call.over).toMatchObject({ code });
  }
  expect(parts.receiver.readers.all).toEqual([]);
});

test("one of a server that is a peer no longer is over", async () => {
  const parts = await setup();
  const { call, reader } = await begun(parts);
  const waiting = reader.next();
  parts.transport.setPeers(new Map());
  expect(await call.over).toMatchObject({ code: Code.PermissionDenied });
  await expect(waiting).rejects.toThrow(/not in this cluster/);
});
