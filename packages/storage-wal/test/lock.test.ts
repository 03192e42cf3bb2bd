import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { WalLockedError, WalStorage, nodeFileSystem } from "../src/index.ts";
import { faulty, systemError } from "./faulty-disk.ts";
import { scratchDirectory } from "./scratch.ts";

const holder = new URL("lock-holder.ts", import.meta.url).pathname;

test("a second opener in the same process is refused until the first has closed", async () => {
  const dir = scratchDirectory();
  const first = new WalStorage({ dir });
  await first.open();
  await expect(new WalStorage({ dir }).open()).rejects.toThrow(WalLockedError);
  // The refusal must not have loosened the lock.
  await expect(new WalStorage({ dir }).open()).rejects.toMatchObject({ code: "ERAFT_WAL_LOCKED", dir });
  await first.close();
  const second = new WalStorage({ dir });
  await second.open();
  await second.close();
});

test("another process is refused, and gets in once the holder was killed", async () => {
  const dir = scratchDirectory();
  const child = spawn(process.execPath, ["--conditions=@eraft/source", holder, dir]);
  const complaints: string[] = [];
  child.stderr.on("data", (data: Buffer) => complaints.push(data.toString()));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe("open\n");
  await expect(new WalStorage({ dir }).open()).rejects.toThrow(WalLockedError);
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  const storage = new WalStorage({ dir });
  expect((await storage.open()).hardState).toEqual({ term: 4, votedFor: 2 });
  await storage.close();
  // In particular no warning that SQLite is experimental.
  expect(complaints).toEqual([]);
  expect(readdirSync(dir).filter((name) => name.startsWith("LOCK"))).toEqual(["LOCK"]);
});

test("an open that fails lets go of the lock", async () => {
  const dir = scratchDirectory();
  const storage = new WalStorage({ dir });
  await storage.open();
  await storage.close();
  const fileSystem = faulty(nodeFileSystem, (point) => (point === "read" ? systemError("EIO") : null));
  const failing = new WalStorage({ dir, fileSystem });
  await expect(failing.open()).rejects.toMatchObject({ code: "ERAFT_WAL_FAILED" });
  const again = new WalStorage({ dir });
  await again.open();
  await again.close();
});
