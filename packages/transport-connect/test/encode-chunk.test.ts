import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type InstallSnapshotRequest, InstallSnapshotRequestSchema } from "@eraft/proto/eraft/peer/v1";
import { expect, test } from "vitest";
import { encodeChunk } from "../src/codec/peer/encode-chunk.ts";
import { encodeEnvelope } from "../src/node/envelopes.ts";

const BEFORE = 3;

const frameOf = (fields: MessageInitShape<typeof InstallSnapshotRequestSchema>): InstallSnapshotRequest =>
  create(InstallSnapshotRequestSchema, fields);

const encoded = (frame: InstallSnapshotRequest): Uint8Array | null =>
  encodeChunk(frame, BEFORE, (size) => new Uint8Array(size));

const data = (sizeBytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(sizeBytes).map((_, at) => at % 251);

const OFFSETS = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n - 1n];
const SIZES = [0, 1, 127, 128, 16_383, 16_384, 65_536, 2_097_152];
const CHECKSUMS = [0, 1, 0x80, 0x12345678, 0x7fffffff, 0x80000000, 0xffffffff];

test("a chunk has the bytes that protobuf-es gives it, whatever its numbers and its length", () => {
  const chunks = [
    ...OFFSETS.map((offset) => ({ offset, data: data(5), checksum: 7 })),
    ...SIZES.map((size) => ({ offset: 9n, data: data(size), checksum: 7 })),
    ...CHECKSUMS.map((checksum) => ({ offset: 9n, data: data(5), checksum })),
    {},
  ];
  for (const chunk of chunks) {
    const frame = frameOf({ chunk });
    const expected = toBinary(InstallSnapshotRequestSchema, frame);
    expect(encoded(frame)?.subarray(BEFORE)).toStrictEqual(expected);
    const envelope = encodeEnvelope(InstallSnapshotRequestSchema, frame);
    expect(new Uint8Array(envelope.subarray(5))).toStrictEqual(expected);
    expect([envelope[0], envelope.readUInt32BE(1)]).toStrictEqual([0, expected.byteLength]);
  }
});

test.each([
  ["no chunk", {}],
  ["a hello", { hello: { from: 1n } }],
  ["a hello and a chunk", { hello: {}, chunk: {} }],
  ["a header and a chunk", { header: {}, chunk: {} }],
  ["a rejection and a chunk", { rejection: {}, chunk: {} }],
  ["an abort and a chunk", { abort: "given up", chunk: {} }],
])("a frame of %s is for protobuf-es, and loses nothing", (_, fields) => {
  const frame = frameOf(fields);
  expect(encoded(frame)).toBeNull();
  const envelope = encodeEnvelope(InstallSnapshotRequestSchema, frame);
  expect(new Uint8Array(envelope.subarray(5))).toStrictEqual(toBinary(InstallSnapshotRequestSchema, frame));
});
