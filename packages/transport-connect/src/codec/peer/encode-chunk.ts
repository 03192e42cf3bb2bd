import type { InstallSnapshotRequest } from "@eraft/proto/eraft/peer/v1";
import { CHECKSUM, CHUNK, DATA, OFFSET } from "./chunk-tags.ts";
import { FieldWriter, fieldSize, fixed32Size, lengthSize } from "./fields.ts";

/**
 * The bytes that protobuf-es gives for `frame`, after `before` bytes that are left to the caller, with the data copied once. Null for a frame with anything
 * else than a chunk. See `encodeExchange`: of a snapshot, protobuf-es's own writer takes some seven times the memory, and V8 collects all garbage whenever
 * 64 MiB of such memory have come together.
 */
export function encodeChunk<Bytes extends Uint8Array>(
  { abort, chunk, header, hello, rejection }: InstallSnapshotRequest,
  before: number,
  allocate: (size: number) => Bytes,
): Bytes | null {
  const isMore = hello !== undefined || header !== undefined || rejection !== undefined || abort !== "";
  if (chunk === undefined || isMore) return null;
  const { checksum, data, offset } = chunk;
  const dataSize = data.byteLength === 0 ? 0 : lengthSize(data.byteLength);
  const size = fieldSize(offset) + dataSize + fixed32Size(checksum);
  const bytes = allocate(before + lengthSize(size));
  const writer = new FieldWriter(bytes, before);
  writer.length(CHUNK, size);
  writer.field(OFFSET, offset);
  writer.bytes(DATA, data);
  writer.fixed32(CHECKSUM, checksum);
  return bytes;
}
