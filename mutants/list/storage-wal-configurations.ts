import type { Mutant } from "../src/mutant.ts";

const STORAGE = "packages/storage-wal/src/wal-storage.ts";
const BATCH = "packages/storage-wal/src/batch-record.ts";
const CONFIGURATION = "packages/storage-wal/src/configuration.ts";
const SNAPSHOT_FORMAT = "packages/storage-wal/src/snapshot-format.ts";

/** Configurations on disk, and what other versions of the program make of them. */
export const STORAGE_WAL_CONFIGURATIONS: readonly Mutant[] = [
  {
    id: "storage-wal/snapshot-without-its-members",
    bug: "restarts with the members that the cluster began with, though the snapshot knows others",
    like: ["etcd e515a67", "openraft#1808"],
    file: STORAGE,
    find: "const snapshot = this.#snapshot?.meta ?? null;",
    replace: "const snapshot = outline.snapshot;",
  },
  {
    id: "storage-wal/configuration-taken-for-command",
    bug: "reads a configuration entry as a command",
    file: BATCH,
    find: "const kind = type === RecordType.batch ? COMMAND : view.getUint32(at + 12, true);",
    replace: "const kind = type === RecordType.batch || at > 0 ? COMMAND : view.getUint32(at + 12, true);",
  },
  {
    id: "storage-wal/configuration-unchecked",
    bug: "believes a snapshot's configuration with a flipped bit until it comes to the first frame",
    like: ["S3"],
    file: SNAPSHOT_FORMAT,
    find: "  if (crc !== viewOf(bytes).getUint32(0, true)) {\n    const what",
    replace: "  if (crc < 0) {\n    const what",
  },
  {
    id: "storage-wal/unknown-field-dropped",
    bug: "drops what a later version has added to a configuration",
    file: CONFIGURATION,
    find: '  if (hasUnknown(stored)) return "unknown";\n',
    replace: "",
    also: [
      {
        file: CONFIGURATION,
        find: "function hasUnknown(stored: StoredConfiguration)",
        replace: "export function hasUnknown(stored: StoredConfiguration)",
      },
    ],
  },
  {
    id: "storage-wal/unknown-standing-malformed",
    bug: "takes a standing of a later version for damage, for which the remedy is to replace the server",
    file: CONFIGURATION,
    find: 'return member.standing === StoredStanding.UNSPECIFIED ? "malformed" : "unknown";',
    replace: 'return "malformed";',
  },
  {
    id: "storage-wal/incarnation-invented",
    bug: "gives a member whose disk nobody knows one without a name",
    file: CONFIGURATION,
    find: 'incarnation: incarnation === "" ? null : incarnation };',
    replace: "incarnation };",
  },
  {
    id: "storage-wal/address-altered",
    bug: "stores an address that has no bytes in UTF-8 as another one",
    file: CONFIGURATION,
    find: 'return typeof value === "string" && value.isWellFormed();',
    replace: 'return typeof value === "string";',
  },
  {
    id: "storage-wal/older-version-locked-out-of-log",
    bug: "writes what an older version refuses where there is nothing new to say",
    file: BATCH,
    find: "batch.entries.some(({ configuration }) => configuration !== undefined);",
    replace: "batch.entries.length > 0;",
  },
  {
    id: "storage-wal/older-version-locked-out-of-snapshot",
    bug: "writes a snapshot without a configuration in a form that an older version refuses",
    file: SNAPSHOT_FORMAT,
    find: "view.setUint32(8, stored === null ? PLAIN_VERSION : CONFIGURATION_VERSION, true);",
    replace: "view.setUint32(8, CONFIGURATION_VERSION, true);",
  },
];
