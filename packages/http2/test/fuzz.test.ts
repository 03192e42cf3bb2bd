import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FrameType } from "../src/frames/frame-types.ts";
import {
  answerAtEnd,
  BEGIN,
  block,
  frame,
  OK,
  POST,
  RawClient,
  request,
  settings,
  startServer,
  uint32,
} from "./raw-client.ts";

const RUNS = 150;

let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  // Some requests are read by hand, some answered before their end.
  server = await startServer((stream, head) => {
    stream.isByHand = stream.id % 3 === 0;
    return {
      ...answerAtEnd(stream, head),
      data: (bytes) => {
        if (stream.id % 5 === 0) stream.answer(OK, bytes, null);
        else stream.consume(bytes.byteLength);
      },
    };
  });
});

afterAll(() => server.stop());

type Random = (below: number) => number;

/** The same numbers for the same seed. */
function randomFrom(seed: number): Random {
  let state = seed + 1;
  return (below) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % below;
  };
}

/** Mostly what a client would send. */
function likelyFrame(random: Random): Buffer {
  const id = 2 * random(20) + 1;
  const bytes = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
  switch (random(12)) {
    case 0:
    case 1:
    case 2:
      return request(2 * random(500) + 1, random(2) === 0 ? 5 : 4);
    case 3:
    case 4:
      return frame(FrameType.data, random(2), id, bytes);
    case 5:
      return frame(FrameType.windowUpdate, 0, random(2) * id, uint32(random(100_000)));
    case 6:
      return frame(FrameType.rstStream, 0, id, uint32(random(14)));
    case 7:
      return settings([random(8), random(0x7fffffff)], [4, random(100_000)]);
    case 8:
      return frame(FrameType.ping, random(2), 0, Buffer.alloc(8));
    case 9:
      return Buffer.concat([
        frame(FrameType.headers, 1, id + 1000, block(POST)),
        frame(FrameType.continuation, 4, id + 1000),
      ]);
    case 10:
      return frame(random(12), random(256), random(3) * id, bytes);
    default:
      return frame(FrameType.data, 8, id, Buffer.concat([Uint8Array.of(random(5)), bytes]));
  }
}

/** Cuts `bytes` anywhere. */
function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  for (let at = 0; at < bytes.byteLength;) {
    const next = at + 1 + random(random(2) === 0 ? 12 : 400);
    yield bytes.subarray(at, next);
    at = next;
  }
}

async function isServed(): Promise<boolean> {
  const client = new RawClient(server.port);
  client.send(BEGIN, request(1));
  const { body } = await client.answer(1);
  client.socket.destroy();
  return body === "hello";
}

test("frames in any order, and with bytes changed, end their connection at most", async () => {
  for (let seed = 0; seed < RUNS; seed += 1) {
    const random = randomFrom(seed);
    const bytes = Buffer.concat([BEGIN, ...Array.from({ length: 30 }, () => likelyFrame(random))]);
    for (let i = random(3); i > 0; i -= 1) bytes[random(bytes.byteLength)] = random(256);
    const client = new RawClient(server.port);
    for (const piece of pieces(bytes, random)) client.send(piece);
    client.socket.end();
    await client.closed();
  }
  expect(server.faults).toEqual([]);
  expect(await isServed()).toBe(true);
});

test("noise after the preface does no more", async () => {
  for (let seed = 0; seed < RUNS; seed += 1) {
    const random = randomFrom(seed);
    const client = new RawClient(server.port);
    client.send(BEGIN, Buffer.from(Array.from({ length: 1000 }, () => random(256))));
    client.socket.end();
    await client.closed();
  }
  expect(server.faults).toEqual([]);
  expect(await isServed()).toBe(true);
});

test("chunks may be cut at every byte", async () => {
  const body = Buffer.from("0123456789");
  const echo = await startServer((stream) => {
    const parts: Buffer[] = [];
    return {
      data: (bytes) => void parts.push(bytes),
      end: () => stream.answer(OK, Buffer.concat(parts), null),
      closed() {},
    };
  });
  const bytes = Buffer.concat([
    BEGIN,
    frame(FrameType.headers, 0, 1, block(POST.slice(0, 4))),
    frame(FrameType.continuation, 4, 1, block(POST.slice(4))),
    frame(FrameType.data, 0, 1, body),
    frame(FrameType.data, 8, 1, Buffer.concat([Uint8Array.of(2), body, Buffer.alloc(2)])),
    frame(FrameType.data, 1, 1),
    request(3),
  ]);
  const cuts = [
    ...Array.from({ length: bytes.byteLength - 1 }, (_, i) => [i + 1]),
    Array.from(bytes.keys()).slice(1),
  ];
  await Promise.all(
    cuts.map(async (cut) => {
      const client = new RawClient(echo.port);
      await once(client.socket, "connect");
      for (const [i, to] of [...cut, bytes.byteLength].entries()) {
        client.socket.write(bytes.subarray(cut[i - 1] ?? 0, to));
        // So that each piece is a chunk of its own there.
        await new Promise(setImmediate);
      }
      expect((await client.answer(1)).body).toBe("01234567890123456789");
      expect((await client.answer(3)).body).toBe("");
      client.socket.destroy();
    }),
  );
  expect(echo.faults).toEqual([]);
  echo.stop();
});
