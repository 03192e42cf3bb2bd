import type { Configuration, Member } from "@eraft/core";
import { expect, test } from "vitest";
import { WalDamageError, WalStorage, WalUsageError } from "../src/index.ts";
import { decodeConfiguration, encodeConfiguration } from "../src/configuration.ts";
import type { Step } from "./model.ts";
import { JOINT, Model, append, configured, entries, openState, replace, snapshot, take } from "./model.ts";
import { DIR, changed, imageAfter, outcomeOf, scratchDirectory } from "./scratch.ts";

const NOBODY: Configuration = { members: [] };

function voterAt(address: string): Configuration {
  return { members: [{ id: 1, address, standing: "voter", incarnation: null }] };
}

test("configurations of entries and snapshots come back after each restart, field for field", async () => {
  const dir = scratchDirectory();
  const model = new Model();
  const steps: readonly Step[] = [
    append(...entries(1, 1, 5), configured(2, 1), ...entries(3, 1, 0, 7)),
    append(configured(5, 1, NOBODY)),
    replace(5, configured(5, 2, voterAt("a")), configured(6, 2, voterAt("b"))),
    // Entry 2 goes, and what it said stays with the snapshot; those of 5 and 6 are kept.
    snapshot(4, 1, 100, JOINT),
    replace(6),
    snapshot(5, 2, 0, NOBODY),
    snapshot(6, 2, 300_000),
  ];
  for (const step of [...steps, null]) {
    // Small segments: a record of 500 bytes gets one of its own.
    const storage = new WalStorage({ dir, segmentBytes: 512 });
    expect(await openState(storage)).toBe(model.state());
    if (step === null) return storage.close();
    await take(storage, step);
    model.take(step);
    await storage.close();
  }
});

test("open and readSnapshot give the very fields that were given, and absent stays absent", async () => {
  const dir = scratchDirectory();
  const meta = { lastIncludedIndex: 3, lastIncludedTerm: 2, configuration: JOINT };
  const first = new WalStorage({ dir });
  await first.open();
  await first.write({
    hardState: null,
    truncateFrom: null,
    entries: [...entries(1, 1, 4), configured(2, 1)],
  });
  await first.close();
  const second = new WalStorage({ dir });
  const { entries: found } = await second.open();
  expect(found).toEqual([...entries(1, 1, 4), configured(2, 1)]);
  expect(found.map((entry) => "configuration" in entry)).toEqual([false, true]);
  const sink = await second.createSnapshot(meta);
  await sink.commit();
  expect((await second.readSnapshot())?.meta).toEqual(meta);
  await second.close();
  const third = new WalStorage({ dir });
  expect((await third.open()).snapshot).toEqual(meta);
  expect((await third.readSnapshot())?.meta).toEqual(meta);
  await third.close();
});

test("thousands of members are kept", async () => {
  const members = Array.from({ length: 5000 }, (_, id): Member => {
    return { id, address: `server-${id}.example:7000`, standing: "learner", incarnation: `${id}` };
  });
  const { image, state } = await imageAfter(
    [
      append(configured(1, 1, { members })),
      snapshot(1, 1, 5, { members }),
      append(configured(2, 1, { members })),
    ],
    { close: true },
  );
  expect((await outcomeOf(image)).state).toBe(state);
  expect(state.length).toBeGreaterThan(2 * 5000 * 30);
});

const member: Member = { id: 1, address: "a", standing: "voter", incarnation: null };

test.each<[string, unknown]>([
  ["a negative id", [{ ...member, id: -1 }]],
  ["an id that is no integer", [{ ...member, id: 1.5 }]],
  ["an id of 2^53", [{ ...member, id: 2 ** 53 }]],
  ["an id twice", [member, member]],
  ["ids out of order", [{ ...member, id: 2 }, member]],
  ["an address that is not there", [{ ...member, address: undefined }]],
  ["half of a surrogate pair in an address", [{ ...member, address: "a\ud800" }]],
  ["a standing nobody knows", [{ ...member, standing: "observer" }]],
  ["an empty incarnation", [{ ...member, incarnation: "" }]],
  ["half of a surrogate pair in an incarnation", [{ ...member, incarnation: "\udc00" }]],
  ["an incarnation that is not there", [{ ...member, incarnation: undefined }]],
  ["members that are no list", { 0: member }],
])("%s is refused and changes nothing", async (_what, members) => {
  const configuration = { members } as Configuration;
  const storage = new WalStorage({ dir: scratchDirectory() });
  await storage.open();
  const meta = { lastIncludedIndex: 1, lastIncludedTerm: 1, configuration };
  await expect(take(storage, append(configured(1, 1, configuration)))).rejects.toThrow(WalUsageError);
  await expect(storage.createSnapshot(meta)).rejects.toThrow(WalUsageError);
  await take(storage, append(configured(1, 1, JOINT)));
  await storage.close();
});

test("an entry with a command beside its configuration is refused", async () => {
  const storage = new WalStorage({ dir: scratchDirectory() });
  await storage.open();
  const both = { ...configured(1, 1), command: new Uint8Array(1) };
  await expect(take(storage, append(both))).rejects.toThrow("command beside its configuration");
  await storage.close();
});

test("bytes that no version writes are told from those of a later one", () => {
  const bytes = encodeConfiguration(voterAt("a"));
  expect(decodeConfiguration(bytes)).toEqual(voterAt("a"));
  expect(decodeConfiguration(bytes.subarray(0, -1))).toBe("malformed");
  // The standing, which is the last byte: none, the last one of this version, and one of the next version.
  const withStanding = (standing: number): Uint8Array => new Uint8Array(bytes).fill(standing, -1);
  expect(decodeConfiguration(withStanding(0))).toBe("malformed");
  expect(decodeConfiguration(withStanding(7))).toMatchObject({ members: [{ standing: "rejoining" }] });
  expect(decodeConfiguration(withStanding(8))).toBe("unknown");
  // The same member twice.
  expect(decodeConfiguration(new Uint8Array([...bytes, ...bytes]))).toBe("malformed");
});

test("damage in a snapshot's configuration is named where it is", async () => {
  const { image } = await imageAfter([snapshot(1, 1, 50, JOINT)], { close: true });
  const path = `${DIR}/snapshot-0000000000000001-0000000000000001.snap`;
  const rotten = changed(image, path, (bytes) => bytes.fill(0xff, 60, 61));
  const { error, changes } = await outcomeOf(rotten);
  expect(error).toBeInstanceOf(WalDamageError);
  expect(error).toMatchObject({ file: path, offset: 40, what: expect.stringContaining("configuration") });
  expect(changes).toBe(0);
});
