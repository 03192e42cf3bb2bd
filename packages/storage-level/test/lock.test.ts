import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelFailedError, LevelLockedError, LevelStorage, openLevelIdentity } from "@eraft/storage-level";
import { ClassicLevel } from "classic-level";
import { MemoryLevel } from "memory-level";
import { expect, onTestFinished, test } from "vitest";
import { batch, entries } from "./entries.ts";

function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), "eraft-level-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("a second storage on the same directory gets a LevelLockedError with the place and the database's reason", async () => {
  const dir = scratch();
  const first = new LevelStorage({ db: new ClassicLevel(dir) });
  await first.open();
  const error = await new LevelStorage({ db: new ClassicLevel(dir) }).open().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LevelLockedError);
  expect(error).toMatchObject({ code: "ERAFT_LEVEL_LOCKED", location: dir });
  await first.write(batch({ entries: entries(1, 1, 5) }));
  await first.close();
  const next = new LevelStorage({ db: new ClassicLevel(dir) });
  expect((await next.open()).entries).toHaveLength(1);
  await next.close();
});

test("a second storage, or an identity, on the same database object is refused until the first is closed", async () => {
  const db = new MemoryLevel();
  const first = new LevelStorage({ db });
  await first.open();
  await expect(new LevelStorage({ db }).open()).rejects.toThrow(LevelLockedError);
  await expect(openLevelIdentity(db)).rejects.toThrow("the database is in use by another opener");
  await first.write(batch({ entries: entries(1, 1, 5) }));
  await first.close();
  const identity = await openLevelIdentity(db);
  await expect(new LevelStorage({ db }).open()).rejects.toThrow(LevelLockedError);
  await identity.close();
  const next = new LevelStorage({ db });
  expect((await next.open()).entries).toHaveLength(1);
  await next.close();
});

test("another process has it, until that is killed", async () => {
  const dir = scratch();
  const holder = spawn(
    process.execPath,
    ["-C", "@eraft/source", join(import.meta.dirname, "lock-holder.ts"), dir],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  await expect(new LevelStorage({ db: new ClassicLevel(dir) }).open()).rejects.toThrow(LevelLockedError);
  await expect(openLevelIdentity(new ClassicLevel(dir))).rejects.toThrow(LevelLockedError);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const next = new LevelStorage({ db: new ClassicLevel(dir) });
  await next.open();
  await next.close();
});

test("a storage that was never opened lets go of its database, which opens itself, when it is closed", async () => {
  const dir = scratch();
  const db = new ClassicLevel(dir);
  await db.open();
  await new LevelStorage({ db }).close();
  const next = new LevelStorage({ db: new ClassicLevel(dir) });
  await expect(next.open()).resolves.toMatchObject({ snapshot: null, entries: [] });
  await next.close();
});

test("a directory that cannot be made is a LevelFailedError with the system's reason", async () => {
  const storage = new LevelStorage({ db: new ClassicLevel("/dev/null/level") });
  const error = await storage.open().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LevelFailedError);
  expect(error).toMatchObject({ code: "ERAFT_LEVEL_FAILED" });
  expect(String(error)).toMatch(/ENOTDIR|Not a directory/);
  await storage.close();
});
