import { expect, test } from "vitest";
import { WalDamageError, WalFormatError } from "../src/index.ts";
import { crc32 } from "node:zlib";
import type { DiskImage } from "@eraft/conformance";
import { CrashDisk } from "@eraft/conformance";
import type { Step } from "./model.ts";
import { Model, PAIR, append, configured, entries, replace, snapshot, vote } from "./model.ts";
import { DIR, changed, imageAfter, onDisk, outcomeOf } from "./scratch.ts";

/** Several segments, a snapshot with more than one frame's worth of nothing in particular, a truncation, configurations. */
const small: readonly Step[] = [
  append(...entries(1, 1, 40), configured(2, 1, PAIR)),
  snapshot(1, 1, 90, PAIR),
  append(...entries(3, 1, 500)),
  append(...entries(4, 1, 500)),
  replace(4, ...entries(4, 2, 30)),
  vote(3, 1),
];

const firstSegment = `${DIR}/wal-0000000000000001.log`;

/** "same" or "refused" is right: the data comes back as it was, or damage is reported and nothing has been changed. */
async function judge(image: DiskImage, state: string): Promise<string> {
  const outcome = await outcomeOf(image);
  if (outcome.error === null) return outcome.state === state ? "same" : `DIFFERENT: ${outcome.state}`;
  if (outcome.changes > 0) return "CHANGED";
  if (outcome.error instanceof WalDamageError) return "refused";
  return outcome.error instanceof Error ? outcome.error.message : "no error";
}

test.each([{ close: true }, { close: false }])(
  "any one byte may rot, with close $close: the data is the same or the damage is reported",
  async (options) => {
    const { image, state } = await imageAfter(small, options);
    const verdicts: string[] = [];
    for (const [path, bytes] of image) {
      for (let at = 0; at < bytes.length; at++) {
        const flipped = changed(image, path, (copy) => {
          copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
          return copy;
        });
        verdicts.push(await judge(flipped, state));
      }
    }
    expect(new Set(verdicts)).toEqual(new Set(["refused", "same"]));
    expect(verdicts.filter((verdict) => verdict === "refused").length).toBeGreaterThan(1500);
  },
);

test("each bit of the last record of a killed server is guarded", async () => {
  const { image, state } = await imageAfter([vote(1, 1), append(...entries(1, 1, 21))], { close: false });
  const bytes = image.get(firstSegment) ?? new Uint8Array(0);
  // Header 48, checkpoint 88, vote 72; then the entry: header 32, payload 40 + 12 + 21.
  const start = 48 + 88 + 72;
  for (let bit = 0; bit < (32 + 73) * 8; bit++) {
    const at = start + Math.floor(bit / 8);
    const flipped = changed(image, firstSegment, (copy) => {
      copy[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
      return copy;
    });
    expect(await judge(flipped, state)).toBe("refused");
  }
});

test("the error names the file and the byte at which the damaged record begins", async () => {
  const { image } = await imageAfter([vote(1, 1), vote(2, 2)], { close: true });
  const { error } = await outcomeOf(
    changed(image, firstSegment, (copy) => {
      copy[48 + 88 + 32 + 8] = 77;
      return copy;
    }),
  );
  expect(error).toMatchObject({ code: "ERAFT_WAL_DAMAGE", file: firstSegment, offset: 48 + 88 });
});

test("a file that was cut, at whatever byte, or that has grown, is refused", async () => {
  const { image, state } = await imageAfter(small, { close: true });
  for (const [path, bytes] of image) {
    for (let size = 0; size < bytes.length; size++) {
      const cut = changed(image, path, (copy) => copy.subarray(0, size));
      expect(await judge(cut, state)).toBe("refused");
    }
    const grown = changed(image, path, (copy) => new Uint8Array([...copy, 0]));
    expect(await judge(grown, state)).toBe("refused");
  }
});

test("a sector of zeros where records were is told from an end", async () => {
  const { image, state } = await imageAfter([vote(1, 1), vote(2, 1), vote(3, 1)], { close: false });
  for (let at = 48 + 88; at < 48 + 88 + 3 * 72; at += 72) {
    const wiped = changed(image, firstSegment, (copy) => copy.fill(0, at, at + 72));
    expect(await judge(wiped, state)).toBe("refused");
  }
});

test("each file is missed when it is gone", async () => {
  const { image, state } = await imageAfter(small, { close: true });
  expect(image.size).toBeGreaterThan(3);
  for (const path of image.keys()) {
    const without = new Map([...image].filter(([other]) => other !== path));
    expect(await judge(without, state)).toBe("refused");
  }
});

test("a segment or a snapshot under another's name is refused", async () => {
  const { image, state } = await imageAfter(small, { close: true });
  const paths = [...image.keys()];
  for (const from of paths) {
    for (const to of paths) {
      if (from === to) continue;
      const swapped = changed(image, to, () => image.get(from) ?? new Uint8Array(0));
      expect(await judge(swapped, state)).toBe("refused");
    }
  }
});

test("a last record of which a power loss took a part is dropped, the ones before it stay", async () => {
  const before = [vote(1, 1), append(...entries(1, 1, 20))];
  const whole = await imageAfter([...before, append(...entries(2, 1, 600))], {
    close: false,
    segmentBytes: 2048,
  });
  const model = new Model();
  for (const step of before) model.take(step);
  const start = 48 + 88 + 72 + 32 + 72;
  const size = 32 + Math.ceil((40 + 12 + 600) / 8) * 8;
  // Cut at each byte: what did not reach the disk, the witness included, is zero.
  for (let kept = 0; kept < size - 4; kept++) {
    const torn = changed(whole.image, firstSegment, (copy) => copy.fill(0, start + kept));
    expect((await outcomeOf(torn)).state).toBe(model.state());
  }
  const complete = changed(whole.image, firstSegment, (copy) => copy.fill(0, start + size));
  expect((await outcomeOf(complete)).state).toBe(whole.state);
});

test("a user's copy of the whole log within an entry is not mistaken for a record", async () => {
  const before = [vote(1, 1), vote(2, 2)];
  const { image } = await imageAfter(before, { close: false, segmentBytes: 4096 });
  const command = image.get(firstSegment) ?? new Uint8Array(0);
  // The copy is of the very segment it goes into, so its records have the right salt.
  const disk = new CrashDisk(image);
  const storage = onDisk(disk, 8192);
  await storage.open();
  await storage.write({
    hardState: null,
    truncateFrom: null,
    entries: [{ index: 1, term: 1, command: command.slice(0, 1024) }],
  });
  const start = 48 + 88 + 2 * 72;
  const model = new Model();
  for (const step of before) model.take(step);
  for (const lost of [16, 32, 64, 80]) {
    const torn = changed(disk.image(), firstSegment, (copy) => {
      // The front of the record is lost, the copy in it is not.
      copy.fill(0, start, start + lost);
      return copy.fill(0, start + 32 + 40 + 12 + 1024);
    });
    expect((await outcomeOf(torn)).state).toBe(model.state());
  }
});

test("a format version from the future is named as such, not as damage, and nothing is changed", async () => {
  const { image } = await imageAfter(small, { close: true });
  for (const [path, crcAt] of [...image.keys()].map(
    (path) => [path, path.endsWith(".log") ? 44 : 36] as const,
  )) {
    const { error, changes } = await outcomeOf(
      changed(image, path, (copy) => {
        const view = new DataView(copy.buffer);
        view.setUint32(8, 3, true);
        view.setUint32(crcAt, crc32(copy.subarray(0, crcAt)), true);
        return copy;
      }),
    );
    expect(error).toBeInstanceOf(WalFormatError);
    expect(error).toMatchObject({ code: "ERAFT_WAL_FORMAT", file: path });
    expect(changes).toBe(0);
  }
});
