import { crc32 } from "node:zlib";
import type { StorageDamage } from "@eraft/conformance";
import { type LevelSite, hex } from "./crash-level.ts";

/** The stored keys that begin with this letter, in their order. */
function keysOf({ level }: LevelSite, letter: string): Uint8Array[] {
  const prefix = hex(Buffer.from(letter));
  return [...level.image.keys()]
    .filter((key) => key.startsWith(prefix))
    .toSorted()
    .map((key) => Buffer.from(key, "hex"));
}

function valueOf({ level }: LevelSite, key: Uint8Array): Buffer {
  return Buffer.from(level.image.get(hex(key)) ?? "", "hex");
}

/** The key of the record with this letter that is so far from the first one, or from the last one if below 0. */
function keyAt(site: LevelSite, letter: string, at: number): Uint8Array {
  const key = keysOf(site, letter).at(at);
  if (key === undefined) throw new Error(`no record ${at} of those with ${letter}`);
  return key;
}

const changed = (
  name: string,
  letter: string,
  at: number,
  /** Null to remove it. */
  change: ((value: Buffer) => Uint8Array) | null,
): Damage => ({
  name,
  inflict: (site) => {
    const key = keyAt(site, letter, at);
    site.level.tamper(key, change?.(valueOf(site, key)) ?? null);
  },
});

type Damage = StorageDamage<LevelSite>;

const flipped =
  (position: number) =>
  (value: Buffer): Buffer => {
    value.writeUInt8(value.readUInt8(position) ^ 0x20, position);
    return value;
  };

/** With a right checksum, as a later version would write it. */
const ofVersion =
  (version: number) =>
  (value: Buffer): Buffer => {
    value.writeUInt32BE(version, 4);
    value.writeUInt32BE(crc32(value.subarray(4)), 0);
    return value;
  };

const gone = null;

/** The conformance kit has filled the log up to entry 26, with a snapshot at 22 of one chunk. */
export const damages: readonly Damage[] = [
  changed("an entry with a flipped byte in its command", "e", 1, flipped(25)),
  changed("an entry with a flipped byte in its term", "e", 1, flipped(23)),
  changed("the last entry with a flipped byte", "e", -1, flipped(24)),
  changed("an entry that is cut short", "e", 1, (value) => value.subarray(0, 10)),
  changed("an entry that is gone", "e", 1, gone),
  changed("a first entry that is gone", "e", 0, gone),
  changed("a last entry that is gone", "e", -1, gone),
  changed("a first head with a flipped byte", "a", 0, flipped(31)),
  changed("a second head with a flipped byte", "z", 0, flipped(31)),
  changed("a first head that is gone", "a", 0, gone),
  changed("a second head that is gone", "z", 0, gone),
  changed("a head of a format version from the future", "a", 0, ofVersion(2)),
  changed("a descriptor of a format version from the future", "m", 0, ofVersion(2)),
  changed("a descriptor with a flipped byte", "m", 0, flipped(35)),
  changed("a descriptor that is gone", "m", 0, gone),
  changed("a snapshot with a flipped byte", "s", 0, flipped(80)),
  changed("a snapshot of which a chunk is gone", "s", 0, gone),
  changed("a snapshot of which a chunk is cut short", "s", 0, (value) => value.subarray(0, -1)),
  {
    name: "a database whose heads are both gone",
    inflict: (site) => {
      for (const letter of ["a", "z"]) site.level.tamper(keyAt(site, letter, 0), null);
    },
  },
  {
    name: "an entry beyond the end that the head tells of",
    inflict: (site) => {
      const last = keyAt(site, "e", -1);
      const beyond = Buffer.from(last);
      beyond.writeUInt8(beyond.readUInt8(8) + 1, 8);
      site.level.tamper(beyond, valueOf(site, last));
    },
  },
  {
    name: "two entries that have changed places",
    inflict: (site) => {
      const [one, two] = [keyAt(site, "e", 1), keyAt(site, "e", 2)];
      const [first, second] = [valueOf(site, one), valueOf(site, two)];
      site.level.tamper(one, second);
      site.level.tamper(two, first);
    },
  },
];
