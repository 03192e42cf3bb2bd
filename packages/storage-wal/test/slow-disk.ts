import type { WalFileSystem } from "../src/index.ts";

export interface Gate {
  /** What the next fdatasync waits for; null if it need not. */
  next: Promise<void> | null;
}

/** A disk whose next fdatasync of a file with `part` in its path, and no later one, ends only when the gate is open. */
export function slow(disk: WalFileSystem, part: string, gate: Gate): WalFileSystem {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path) => disk.lock(path),
    open(path, mode) {
      const file = disk.open(path, mode);
      return {
        sizeBytes: () => file.sizeBytes(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        read: (target, position) => file.read(target, position),
        write: (bytes, position) => file.write(bytes, position),
        close: () => file.close(),
        async sync() {
          if (path.includes(part) && gate.next !== null) {
            const held = gate.next;
            gate.next = null;
            await held;
          }
          await file.sync();
        },
      };
    },
  };
}

/** Everything that can happen without the disk has happened: here nothing else takes more than microtasks. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
