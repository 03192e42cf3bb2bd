import { KvDiskError, encodeCommand } from "@eraft/kv";
import { LevelKvStateMachine, type LevelKvStateMachineOptions } from "@eraft/kv/level";
import { MemoryLevel } from "memory-level";
import { describe, expect, test } from "vitest";
import { Log, collect, pieces, put, seeded, snapshotOf } from "../support/commands.ts";
import { LevelDevice } from "./crash-level.ts";
import { RandomLog } from "./random-log.ts";

function over(device: LevelDevice, options: Partial<LevelKvStateMachineOptions> = {}): LevelKvStateMachine {
  return new LevelKvStateMachine({ db: device.database(), writeDelayMs: 0, ...options });
}

/** A device with a state that has a bit of everything; what was applied is on it. */
async function written(options: Partial<LevelKvStateMachineOptions> = {}): Promise<LevelDevice> {
  const device = new LevelDevice();
  const machine = over(device, options);
  await machine.open();
  const commands = new RandomLog(seeded(11));
  for (let index = 1; index <= 60; index += 20) {
    const batch = Array.from({ length: 20 }, (_, at) => ({
      index: index + at,
      command: commands.command(index + at),
    }));
    await machine.apply(batch);
    await collect(machine.snapshot());
  }
  await machine.close();
  return device;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KvDiskError)) throw new Error(`it was not refused: ${String(error)}`);
  return error.code;
}

describe("open refuses, and changes nothing", () => {
  test("the state of another server", async () => {
    const device = await written({ owner: "server 1" });
    expect(await refusal(over(device, { owner: "server 2" }).open())).toBe("otherOwner");
    expect(await over(device, { owner: "server 1" }).open()).toBe(60);
  });

  test("a state that was made with other limits", async () => {
    const device = await written();
    expect(await refusal(over(device, { maxKeys: 7 }).open())).toBe("differentLimits");
  });

  test("a later format", async () => {
    const device = await written();
    device.image.get("\0")?.writeUInt32BE(2, 12);
    expect(await refusal(over(device).open())).toBe("unsupportedVersion");
  });

  test("a database of something else", async () => {
    const device = new LevelDevice(new Map([["e", Buffer.from("an entry of a log")]]));
    expect(await refusal(over(device).open())).toBe("notAState");
    const other = new LevelDevice(new Map([["\0", Buffer.alloc(200)]]));
    expect(await refusal(over(other).open())).toBe("notAState");
    expect([...device.image.keys()]).toEqual(["e"]);
  });

  test("a second opener", async () => {
    const device = new LevelDevice();
    await over(device).open();
    expect(await refusal(over(device).open())).toBe("locked");
  });

  test("a database that cannot be read while it changes", async () => {
    const db = new MemoryLevel();
    db.supports.explicitSnapshots = false;
    expect(await refusal(new LevelKvStateMachine({ db }).open())).toBe("usage");
  });

  test("any record but an item's that is damaged or missing", async () => {
    const sound = await written();
    const names = [...sound.image.keys()].filter((name) => name.charCodeAt(5) !== 1 || name.length < 6);
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) {
      for (const damage of ["flip", "remove"] as const) {
        if (name === "\0" && damage === "remove") continue;
        const device = new LevelDevice(sound.image);
        const record = device.image.get(name) ?? Buffer.alloc(0);
        // Of the marks of batches it only matters that they are there.
        if (damage === "flip" && name.startsWith("\x02")) continue;
        if (damage === "remove") device.image.delete(name);
        else
          device.image.set(
            name,
            Buffer.from(record.map((byte, at) => (at === record.length - 1 ? byte ^ 1 : byte))),
          );
        const before = new Map(device.image);
        expect([
          Buffer.from(name, "latin1").toString("hex"),
          damage,
          await refusal(over(device).open()),
        ]).toEqual([Buffer.from(name, "latin1").toString("hex"), damage, "damaged"]);
        expect(device.image).toEqual(before);
      }
    }
  });

  test("a missing head, as nothing says what the rest is", async () => {
    const device = await written();
    device.image.delete("\0");
    expect(await refusal(over(device).open())).toBe("notAState");
  });
});

/** A server with an item that is not what was written. */
async function damaged(): Promise<{ readonly machine: LevelKvStateMachine; readonly key: string }> {
  const device = await written();
  const name = [...device.image.keys()].find((one) => one.charCodeAt(5) === 1 && one.length > 6) ?? "";
  const record = device.image.get(name);
  record?.writeUInt8(record.readUInt8(record.length - 1) ^ 0x80, record.length - 1);
  const machine = over(device);
  await machine.open();
  return { machine, key: name.slice(6) };
}

describe("an item that is damaged", () => {
  test("is given to nobody, and stops the server", async () => {
    const { machine, key } = await damaged();
    expect(await refusal(machine.query({ type: "items", keys: [key] }))).toBe("damaged");
    expect(await refusal(new Log(60).apply(machine, put("x", "y")))).toBe("damaged");
  });

  test("stops the server that writes to it", async () => {
    const { machine, key } = await damaged();
    expect(await refusal(new Log(60).apply(machine, put(key, "y")))).toBe("damaged");
  });

  test("is in no snapshot", async () => {
    const { machine } = await damaged();
    expect(await refusal(collect(machine.snapshot()))).toBe("damaged");
  });
});

describe("a disk that is full", () => {
  const full = Object.assign(new Error("No space left on device"), { code: "LEVEL_IO_ERROR" });

  test("stops the server, and what it had before is there afterwards", async () => {
    const device = new LevelDevice();
    const machine = over(device);
    await machine.open();
    const log = new Log();
    await log.apply(machine, put("a", "1"));
    await collect(machine.snapshot());
    device.failure = full;
    await log.apply(machine, put("a", "2"));
    expect(await refusal(collect(machine.snapshot()))).toBe("failed");
    expect(await refusal(log.apply(machine, put("a", "3")))).toBe("failed");
    await machine.close();
    device.failure = null;
    const next = over(device);
    expect(await next.open()).toBe(1);
    expect(await next.query({ key: "a" })).toBe("1");
  });

  test("in the middle of a restore leaves the old state", async () => {
    const device = await written();
    const source = over(new LevelDevice());
    await source.open();
    await new Log().apply(source, put("new", "state"));
    const [snapshot] = await collect(source.snapshot());
    const machine = over(device);
    await machine.open();
    const before = await snapshotOf(machine);
    device.failure = full;
    expect(await refusal(machine.restore(pieces(snapshot ?? new Uint8Array(), 100), 900))).toBe("failed");
    await machine.close();
    device.failure = null;
    const next = over(device);
    expect(await next.open()).toBe(60);
    expect(await snapshotOf(next)).toEqual(before);
  });
});

test("records of a restore that was refused do not come back in the state of the next one", async () => {
  const source = over(new LevelDevice());
  await source.open();
  const log = new Log();
  const many = Array.from({ length: 300 }, (_, at) => put(`key ${at}`, "x".repeat(5000)));
  await log.apply(source, ...many);
  const snapshot = await snapshotOf(source);
  const small = over(new LevelDevice());
  await small.open();
  await new Log().apply(small, put("only", "one"));
  const device = new LevelDevice();
  const machine = over(device);
  await machine.open();
  await expect(machine.restore(pieces(snapshot.subarray(0, -9), 5000), 300)).rejects.toThrow(
    "ends before its end",
  );
  await machine.restore(pieces(await snapshotOf(small), 5000), 301);
  // Nothing that was removed without being synced was removed for good.
  device.crash(() => true);
  const next = over(device);
  expect(await next.open()).toBe(301);
  expect(await snapshotOf(next)).toEqual(await snapshotOf(small));
});

test("a state machine is used in order", async () => {
  const machine = over(new LevelDevice());
  expect(() => machine.history).toThrow("not open");
  await expect(machine.apply([{ index: 1, command: encodeCommand(put("a", "b")) }])).rejects.toThrow(
    "not open",
  );
  await machine.open();
  expect(() => machine.open()).toThrow("opened once");
  await machine.apply([{ index: 5, command: encodeCommand(put("a", "b")) }]);
  await expect(machine.apply([{ index: 5, command: encodeCommand(put("a", "b")) }])).rejects.toThrow(
    "after entry 5",
  );
  await machine.close();
  await machine.close();
});

test.each([
  [{ owner: "x".repeat(256) }, "owner"],
  [{ owner: "\ud800" }, "owner"],
  [{ writeDelayMs: -1 }, "writeDelayMs"],
  [{ writeDelayMs: Number.NaN }, "writeDelayMs"],
  [{ maxKeys: 0 }, "maxKeys"],
])("options that cannot be right are refused: %o", (options, name) => {
  expect(() => over(new LevelDevice(), options)).toThrow(name);
});
