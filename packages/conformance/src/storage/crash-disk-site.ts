import type { Storage } from "@eraft/core";
import { CrashDisk } from "../disk/crash-disk.ts";
import { crashImages } from "../disk/crash-images.ts";
import { fingerprint } from "../disk/operations.ts";
import type { StorageSite } from "./harness.ts";

/** A {@link StorageSite} on a {@link CrashDisk}. */
export interface CrashDiskSite extends StorageSite {
  readonly disk: CrashDisk;
}

/** Bytes that a disk writes at once. */
const SECTOR_BYTES = 512;

/**
 * A place for a storage whose process can be killed and whose power can fail: all that the kit's crash cases need.
 * `open` makes the storage, on the disk it is given.
 */
export function crashDiskSite(
  open: (disk: CrashDisk) => Storage,
  disk: CrashDisk = new CrashDisk(),
): CrashDiskSite {
  return {
    disk,
    storage: () => open(disk),
    kill: () => disk.releaseLocks(),
    contents: () => fingerprint(disk.image()),
    device: {
      operations: () => disk.operations.length,
      *crashes(from, extent) {
        const exhaustiveUnits = extent === "all" ? 7 : 3;
        const options = { sectorBytes: SECTOR_BYTES, exhaustiveUnits, from };
        for (const { after, image, fingerprint } of crashImages(disk, options)) {
          yield { after, fingerprint, site: () => crashDiskSite(open, new CrashDisk(image)) };
        }
      },
    },
  };
}
