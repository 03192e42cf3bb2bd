import type * as http2 from "node:http2";
import { expect, test } from "vitest";
import { PIECE_BYTES, PieceWriter } from "../src/node/piece-writer.ts";

/** A stream that takes what it is given when the test says so. */
class SlowStream {
  readonly written: (Buffer | "mark" | "end")[] = [];
  writableLength = 0;
  #taken: (() => void)[] = [];

  readonly writer: PieceWriter = new PieceWriter(this as unknown as http2.ClientHttp2Stream, () =>
    this.written.push("mark"),
  );

  write(bytes: Buffer, taken?: () => void): void {
    this.written.push(bytes);
    this.writableLength += bytes.byteLength;
    if (taken !== undefined) this.#taken.push(taken);
  }

  end(): void {
    this.written.push("end");
  }

  take(): void {
    this.writableLength = 0;
    for (const taken of this.#taken.splice(0)) taken();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written.filter((item): item is Buffer => typeof item !== "string"));
  }
}

const message = (sizeBytes: number, first: number) =>
  Buffer.from(Array.from({ length: sizeBytes }, (_, at) => (first + at) % 251));

test("what is small goes at once, as it is", () => {
  const stream = new SlowStream();
  for (const first of [1, 2, 3]) stream.writer.write(message(10, first));
  stream.writer.end();
  expect(stream.written).toEqual([message(10, 1), message(10, 2), message(10, 3), "end"]);
});

test("after every piece there is a mark, and nothing of the next one before the connection has taken it", () => {
  const stream = new SlowStream();
  const parts = [message(1000, 1), message(2 * PIECE_BYTES, 2), message(500, 3)];
  for (const part of parts) stream.writer.write(part);
  expect(stream.writer.bufferedBytes).toBe(2 * PIECE_BYTES + 1500);
  const sizes = (): unknown[] =>
    stream.written.map((item) => (typeof item === "string" ? item : item.byteLength));
  const first = [1000, PIECE_BYTES - 1000];
  expect(sizes()).toEqual(first);
  stream.take();
  expect(sizes()).toEqual([...first, "mark", PIECE_BYTES]);
  stream.writer.end();
  stream.take();
  expect(sizes()).toEqual([...first, "mark", PIECE_BYTES, "mark", 1000, 500, "end"]);
  expect(stream.bytes.equals(Buffer.concat(parts))).toBe(true);
});

test("what was small counts, too", () => {
  const stream = new SlowStream();
  for (let i = 0; i < PIECE_BYTES / 1024; i += 1) stream.writer.write(message(1024, i));
  expect(stream.written).not.toContain("mark");
  stream.take();
  expect(stream.written.at(-1)).toBe("mark");
});

test("what is cleared is not sent", () => {
  const stream = new SlowStream();
  stream.writer.write(message(3 * PIECE_BYTES, 1));
  stream.writer.clear();
  stream.take();
  expect(stream.bytes.byteLength).toBe(PIECE_BYTES);
});
