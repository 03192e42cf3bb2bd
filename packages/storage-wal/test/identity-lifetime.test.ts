// Who lets go of a directory, and when.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { CrashDisk } from "@eraft/conformance";
import { expect, test } from "vitest";
import { WalLockedError, WalStorage, WalUsageError, openIdentity } from "../src/index.ts";
import { faulty, systemError } from "./faulty-disk.ts";
import { DIR, filesOf, scratchDirectory } from "./scratch.ts";
import { type Gate, quiet, slow } from "./slow-disk.ts";

/** Which start the next one is. Rejects while somebody has the directory. */
async function nextStart(disk: CrashDisk): Promise<number> {
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await identity.close();
  return identity.starts;
}

test("a storage lets go of the directory for its identity, which ends with it", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const storage = new WalStorage({ dir: DIR, identity });
  await storage.open();
  await identity.adoptCluster("one");
  await storage.close();
  await expect(identity.adoptCluster("one")).rejects.toThrow(WalUsageError);
  await expect(identity.renew()).rejects.toThrow(WalUsageError);
  await expect(new WalStorage({ dir: DIR, identity }).open()).rejects.toThrow(WalUsageError);
  expect(identity).toMatchObject({ clusterId: "one", starts: 1 });
  expect(await nextStart(disk)).toBe(2);
});

test("closing the identity does not take the lock from an open storage", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const storage = new WalStorage({ dir: DIR, identity });
  await storage.open();
  await identity.close();
  await expect(nextStart(disk)).rejects.toThrow(WalLockedError);
  await identity.adoptCluster("one");
  await storage.close();
  await identity.close();
  expect(await nextStart(disk)).toBe(2);
});

test("one storage at a time: the second is refused and does not disturb the first", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  const first = new WalStorage({ dir: DIR, identity });
  await first.open();
  const second = new WalStorage({ dir: DIR, identity });
  await expect(second.open()).rejects.toThrow(WalLockedError);
  await second.close();
  await expect(nextStart(disk)).rejects.toThrow(WalLockedError);
  await identity.adoptCluster("one");
  await first.close();
  expect(await nextStart(disk)).toBe(2);
});

test("a storage that was never opened lets go of the directory, too", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await new WalStorage({ dir: DIR, identity }).close();
  expect(await nextStart(disk)).toBe(2);
});

test("a storage that cannot be opened lets go of the directory", async () => {
  const disk = new CrashDisk();
  let isFailing = false;
  const fileSystem = faulty(disk, (point, path) =>
    isFailing && point === "create" && path.includes("wal-") ? systemError("EIO") : null,
  );
  const identity = await openIdentity(DIR, { fileSystem });
  isFailing = true;
  await expect(new WalStorage({ dir: DIR, identity }).open()).rejects.toMatchObject({
    code: "ERAFT_WAL_FAILED",
  });
  expect(await nextStart(disk)).toBe(2);
});

test("an identity that was closed opens no storage", async () => {
  const disk = new CrashDisk();
  const identity = await openIdentity(DIR, { fileSystem: disk });
  await identity.close();
  await identity.close();
  await expect(new WalStorage({ dir: DIR, identity }).open()).rejects.toThrow(WalUsageError);
});

test("closing waits for a change under way, which is made under the lock", async () => {
  const disk = new CrashDisk();
  const gate: Gate = { next: null };
  const identity = await openIdentity(DIR, { fileSystem: slow(disk, "IDENTITY", gate) });
  const storage = new WalStorage({ dir: DIR, identity });
  await storage.open();
  const { promise, resolve: release } = Promise.withResolvers<void>();
  gate.next = promise;
  const adopting = identity.adoptCluster("one");
  const closing = storage.close();
  await quiet();
  await expect(nextStart(disk)).rejects.toThrow(WalLockedError);
  release();
  await Promise.all([adopting, closing]);
  expect(identity.clusterId).toBe("one");
  expect(await nextStart(disk)).toBe(2);
});

const holder = new URL("identity-holder.ts", import.meta.url).pathname;

test("another process is refused and changes nothing, and gets in once the holder was killed", async () => {
  const dir = scratchDirectory();
  const child = spawn(process.execPath, ["--conditions=@eraft/source", holder, dir]);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const incarnation = said.toString().trim();
  const before = filesOf(dir);
  await expect(openIdentity(dir)).rejects.toThrow(WalLockedError);
  await expect(new WalStorage({ dir }).open()).rejects.toThrow(WalLockedError);
  expect(filesOf(dir)).toEqual(before);
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  const identity = await openIdentity(dir);
  expect(identity).toMatchObject({ incarnation, starts: 2, clusterId: "one" });
  const storage = new WalStorage({ dir, identity });
  await storage.open();
  await storage.close();
});
