// What versions before and after this one make of a directory, as far as this one can tell.
import * as crypto from "node:crypto";
import { crc32 } from "node:zlib";
import type { DiskImage } from "@eraft/conformance";
import { CrashDisk } from "@eraft/conformance";
import { expect, test, vi } from "vitest";
import { WalFormatError } from "../src/index.ts";
import { RecordType, sealRecord } from "../src/segment-format.ts";
import { FILES_WITHOUT_CONFIGURATIONS } from "./fixtures/without-configurations.ts";
import type { Step } from "./model.ts";
import {
  JOINT,
  Model,
  append,
  configured,
  entries,
  openState,
  replace,
  snapshot,
  take,
  vote,
} from "./model.ts";
import { DIR, changed, imageAfter, onDisk, outcomeOf } from "./scratch.ts";

vi.mock("node:crypto", { spy: true });

const SEGMENT_BYTES = 512;

/** What was done to the directory of the fixture. */
const steps: readonly Step[] = [
  vote(1, 2),
  append(...entries(1, 1, 20, 0, 7)),
  snapshot(2, 1, 30),
  replace(3, ...entries(3, 2, 40, 5)),
  append(...entries(5, 2, 150)),
  vote(3, null),
];

function oldImage(): DiskImage {
  return new Map(
    FILES_WITHOUT_CONFIGURATIONS.map(({ path, sizeBytes, hex }) => {
      const bytes = new Uint8Array(sizeBytes);
      bytes.set(Buffer.from(hex, "hex"));
      return [path, bytes];
    }),
  );
}

function hexOf(image: DiskImage): [string, string][] {
  return [...image].map(([path, bytes]) => [path, Buffer.from(bytes).toString("hex")]);
}

test("a directory from before there were configurations opens, takes one, and keeps both", async () => {
  const model = new Model();
  for (const step of steps) model.take(step);
  const disk = new CrashDisk(oldImage());
  const storage = onDisk(disk, SEGMENT_BYTES);
  expect(await openState(storage)).toBe(model.state());
  for (const step of [append(configured(6, 3)), snapshot(6, 3, 10, JOINT)]) {
    await take(storage, step);
    model.take(step);
    expect((await outcomeOf(disk.image())).state).toBe(model.state());
  }
});

test("without a configuration every byte is as it was, so that an older version can go on", async () => {
  let salts = 0;
  vi.mocked(crypto.randomBytes).mockImplementation((size: number) => {
    salts += 1;
    return Buffer.alloc(size, salts);
  });
  const { image } = await imageAfter(steps, { close: true, segmentBytes: SEGMENT_BYTES });
  vi.mocked(crypto.randomBytes).mockReset();
  expect(hexOf(image)).toEqual(hexOf(oldImage()));
});

/** The first record behind the checkpoint, changed and sealed again: what another version might have written. */
function withFirstRecord(image: DiskImage, change: (payload: Uint8Array) => number): DiskImage {
  return changed(image, `${DIR}/wal-0000000000000001.log`, (bytes) => {
    const start = 48 + 88;
    const view = new DataView(bytes.buffer);
    const size = view.getUint32(start + 16, true);
    const type = change(bytes.subarray(start + 32, start + 32 + size));
    const salt = view.getBigUint64(start, true);
    sealRecord(bytes.subarray(start, start + 32 + size), type as RecordType, size, salt, 2);
    return bytes;
  });
}

/** Offset of the protobuf bytes in a batch that has nothing but a configuration entry. */
const MESSAGE = 40 + 16;

test.each([
  { what: "a record type", change: () => 7, says: "record of unknown type 7" },
  {
    what: "a kind of entry",
    change: (payload: Uint8Array) => payload.fill(2, 40 + 12, 40 + 13) && RecordType.batchWithConfigurations,
    says: "configuration from a later version, in record 2",
  },
  {
    what: "a field of a configuration",
    // The field number of the list of members becomes 2.
    change: (payload: Uint8Array) =>
      payload.fill(0x12, MESSAGE, MESSAGE + 1) && RecordType.batchWithConfigurations,
    says: "configuration from a later version, in record 2",
  },
  {
    what: "a field of a member",
    // Its address, field 2, becomes field 6.
    change: (payload: Uint8Array) =>
      payload.fill(0x32, MESSAGE + 4, MESSAGE + 5) && RecordType.batchWithConfigurations,
    says: "configuration from a later version, in record 2",
  },
  {
    what: "a standing",
    change: (payload: Uint8Array) => payload.fill(99, -1) && RecordType.batchWithConfigurations,
    says: "configuration from a later version, in record 2",
  },
])("$what from a later version is named, not dropped, and nothing is changed", async ({ change, says }) => {
  const one = { members: [{ id: 7, address: "n7", standing: "voter", incarnation: null }] } as const;
  const { image } = await imageAfter([append(configured(1, 1, one))], { close: true });
  const { error, changes } = await outcomeOf(withFirstRecord(image, change));
  expect(error).toBeInstanceOf(WalFormatError);
  expect(error).toMatchObject({ code: "ERAFT_WAL_FORMAT", message: expect.stringContaining(says) });
  expect(changes).toBe(0);
});

test("a snapshot whose configuration is from a later version is refused as such", async () => {
  const one = { members: [{ id: 7, address: "n7", standing: "voter", incarnation: null }] } as const;
  const { image } = await imageAfter([snapshot(1, 1, 0, one)], { close: true });
  const path = `${DIR}/snapshot-0000000000000001-0000000000000001.snap`;
  const later = changed(image, path, (bytes) => {
    const view = new DataView(bytes.buffer);
    const end = 44 + view.getUint32(32, true);
    // The standing is the last byte of the only member.
    bytes[end - 1] = 99;
    const crc = crc32(bytes.subarray(44, end), view.getUint32(36, true));
    view.setUint32(40, crc, true);
    return bytes;
  });
  const { error, changes } = await outcomeOf(later);
  expect(error).toBeInstanceOf(WalFormatError);
  expect(error).toMatchObject({ file: path, message: expect.stringContaining("later version") });
  expect(changes).toBe(0);
});
