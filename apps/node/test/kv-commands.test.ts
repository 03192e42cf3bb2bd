import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EraftProcess } from "./support/process.ts";
import { type Result, runMainWith } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";
import { TestCluster } from "./support/test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.leader();
});
afterAll(() => cluster.stop());

function run(command: string, ...args: readonly string[]): Promise<Result> {
  return cluster.run(command, ...args);
}

function batch(document: object, ...args: readonly string[]): Promise<Result> {
  const input = JSON.stringify(document);
  return runMainWith({ input }, "batch", ...cluster.clusterFlags, ...args);
}

const DONE = { code: 0, stdout: "", stderr: "" };

test("cas creates, swaps and deletes a key that is as expected, and nothing else", async () => {
  expect(await run("cas", "cas/a", "blue", "--absent")).toEqual(DONE);
  expect(await run("cas", "cas/a", "red", "--absent")).toEqual({
    code: 5,
    stdout: "",
    stderr: expect.stringMatching(/^eraft: nothing was changed: its value is blue, of revision \d+\n$/),
  });
  const swapped = await run("cas", "cas/a", "red", "--value", "blue", "--json");
  const { revision, item } = JSON.parse(swapped.stdout);
  expect(item).toMatchObject({ key: "cas/a", value: "red", mod_revision: revision });
  expect(await run("cas", "cas/a", "green", "--revision", String(revision))).toEqual(DONE);
  expect((await run("cas", "cas/a", "pink", "--revision", String(revision))).code).toBe(5);
  expect((await run("cas", "cas/b", "pink", "--present", "--json")).stdout).toContain('"item":null');
  expect(await run("cas", "cas/a", "--delete", "--value", "green")).toEqual(DONE);
  expect((await run("get", "cas/a")).code).toBe(3);
});

test("put, append and get know revisions, and bytes that are no text", async () => {
  const put = JSON.parse((await run("put", "bytes/a", String.raw`\xff\n`, "--escaped", "--json")).stdout);
  expect(put).toEqual({ revision: expect.any(Number) });
  expect((await run("get", "bytes/a")).stdout).toBe("\u00ff\n\n");
  const append = await run("append", "bytes/a", String.raw`\x00`, "--escaped", "--json");
  const { revision } = JSON.parse(append.stdout);
  expect(revision).toBeGreaterThan(put.revision);
  expect(await run("get", "bytes/a", "--escaped")).toEqual({
    ...DONE,
    stdout: `${String.raw`\xff\n\x00`}\n`,
  });
  expect(JSON.parse((await run("get", "bytes/a", "--json")).stdout)).toEqual({
    key: "bytes/a",
    value_base64: "/woA",
    create_revision: put.revision,
    mod_revision: revision,
  });
  expect(await run("get", "bytes/b", "--json")).toEqual({ code: 3, stdout: "null\n", stderr: "" });
  await run("put", String.raw`bytes/\xfe`, "v", "--escaped");
  expect(await run("get", String.raw`bytes/\xfe`, "--escaped")).toEqual({ ...DONE, stdout: "v\n" });
});

test("delete tells whether there was a key", async () => {
  await run("put", "delete/a", "1");
  expect(await run("delete", "delete/a")).toEqual(DONE);
  expect(await run("delete", "delete/a")).toEqual({
    code: 3,
    stdout: "",
    stderr: 'eraft: no such key: "delete/a"\n',
  });
  const { code, stdout } = await run("delete", "delete/a", "--json");
  expect({ code, ...JSON.parse(stdout) }).toEqual({ code: 3, deleted: false, revision: expect.any(Number) });
});

test("scan prints a range in order, for people and for programs", async () => {
  for (const key of ["scan/b", "scan/a", "scan/c", "scan-"]) await run("put", key, `of ${key}`);
  await run("cas", String.raw`scan/\xff`, String.raw`\x00\n`, "--absent", "--escaped");
  expect(await run("scan", "scan/")).toEqual({
    ...DONE,
    stdout: `scan/a\tof scan/a\nscan/b\tof scan/b\nscan/c\tof scan/c\n${String.raw`scan/\xff`}\t${String.raw`\x00\n`}\n`,
  });
  expect((await run("scan", "--start", "scan/a", "--end", "scan/c", "--keys-only")).stdout).toBe(
    "scan/a\nscan/b\n",
  );
  expect((await run("scan", "scan/", "--limit", "2", "--descending", "--keys-only")).stdout).toBe(
    `${String.raw`scan/\xff`}\nscan/c\n`,
  );
  const { stdout } = await run("scan", "scan/", "--json");
  const items = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(items).toHaveLength(4);
  expect(items[0]).toEqual({
    key: "scan/a",
    value: "of scan/a",
    create_revision: expect.any(Number),
    mod_revision: expect.any(Number),
  });
  expect(items[3]).toMatchObject({ key_base64: "c2Nhbi//", value: "\u0000\n" });
});

test("a batch is done as a whole, or not at all", async () => {
  const document = {
    when: [{ key: "batch/a", exists: false }],
    do: [
      { op: "put", key: "batch/a", value: "1" },
      { op: "append", key: "batch/a", value: "2" },
      { op: "get", key: "batch/a" },
      { op: "get", key: "batch/b" },
      { op: "delete", key: "batch/b" },
    ],
  };
  expect(await batch(document)).toEqual({ ...DONE, stdout: "batch/a\t12\nbatch/b: no such key\n" });
  expect(await batch(document)).toEqual({
    code: 5,
    stdout: "",
    stderr: "eraft: nothing was done: condition 0 does not hold\n",
  });
  expect(JSON.parse((await batch(document, "--json")).stdout)).toMatchObject({
    done: false,
    failed_condition: 0,
  });
  const json = JSON.parse((await batch({ do: document.do }, "--json")).stdout);
  expect(json).toMatchObject({
    done: true,
    results: [{}, {}, { item: { value: "12" } }, { item: null }, { deleted: false }],
  });
  expect(await run("get", "batch/a")).toMatchObject({ stdout: "12\n" });
});

test("a batch that cannot be right is refused before it is sent", async () => {
  const { code, stdout, stderr } = await batch({ do: [{ op: "put", key: "bad/a" }] });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe("eraft: stdin: operation 0 has neither value nor value_base64\n");
  const many = Array.from({ length: 129 }, (_, at) => ({ op: "get", key: `k${at}` }));
  expect(await batch({ do: many })).toMatchObject({ code: 2, stderr: expect.stringContaining("129") });
  const dir = await tempDir();
  expect(await run("batch", join(dir, "none"))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no file"),
  });
  expect(await run("batch", dir)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is a directory"),
  });
});

test("what is exported can be imported, also over what is there", async () => {
  const file = join(await tempDir(), "dump.jsonl");
  for (const at of [1, 2, 3]) await run("put", `dump/${at}`, `value ${at}`);
  await run("cas", String.raw`dump/\xfe`, String.raw`\xff`, "--absent", "--escaped");
  expect(await run("export", file, "--prefix", "dump/")).toEqual({
    ...DONE,
    stderr: `exported 4 items to ${file}\n`,
  });
  const text = await readFile(file, "utf8");
  expect(text.split("\n").slice(0, 2)).toEqual(['{"eraft_export":1}', '{"key":"dump/1","value":"value 1"}']);
  expect((await run("export", "--prefix", "dump/")).stdout).toBe(text);

  await run("put", "dump/1", "another");
  await run("delete", "dump/2");
  expect(await run("import", file, "--dry-run")).toEqual({
    ...DONE,
    stderr: `${file} is good: 4 items; nothing was written\n`,
  });
  expect((await run("get", "dump/1")).stdout).toBe("another\n");
  expect(await run("import", file)).toEqual({ ...DONE, stderr: "imported 4 items\n" });
  expect((await run("export", "--prefix", "dump/")).stdout).toBe(text);
  // From stdin, and once more.
  const again = await runMainWith({ input: text }, "import", "-", ...cluster.clusterFlags);
  expect(again).toEqual({ ...DONE, stderr: "imported 4 items\n" });
});

test("a file that is not whole changes nothing", async () => {
  const file = join(await tempDir(), "dump.jsonl");
  await writeFile(file, '{"eraft_export":1}\n{"key":"cut/a","value":"1"}\n');
  const { code, stderr } = await run("import", file);
  expect(code).toBe(2);
  expect(stderr).toContain("was cut off");
  expect((await run("get", "cut/a")).code).toBe(3);
});

test("an export of a cluster that does not answer leaves the file that was there", async () => {
  const dir = await tempDir();
  const file = join(dir, "dump.jsonl");
  await writeFile(file, "precious");
  const { code } = await runMainWith({}, "export", file, "--cluster", "127.0.0.1:1", "--timeout-ms", "300");
  expect(code).toBe(1);
  expect(await readFile(file, "utf8")).toBe("precious");
  expect(await readdir(dir)).toEqual(["dump.jsonl"]);
});

test("watch tells what happened from a revision on, and says how to go on", async () => {
  const first = JSON.parse((await run("cas", "watch/a", "1", "--absent", "--json")).stdout);
  await run("put", "watch/b", "2\n");
  await run("delete", "watch/a");
  const from = String(first.revision);
  const { stdout } = await run("watch", "watch/", "--from", from, "--limit", "3");
  const [one, two, three] = [first.revision, first.revision + 1, first.revision + 2];
  expect(stdout).toBe(`${one} put watch/a\t1\n${two} put watch/b\t2\\n\n${three} delete watch/a\n`);

  const watched = await runMainWith(
    { isWatched: true },
    "watch",
    "watch/",
    "--from",
    from,
    "--limit",
    "2",
    "--json",
    ...cluster.clusterFlags,
  );
  expect(
    watched.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { type: "put", revision: one, key: "watch/a", value: "1", create_revision: one, mod_revision: one },
    { type: "put", revision: two, key: "watch/b", value: "2\n", create_revision: two, mod_revision: two },
  ]);
  expect(watched.stderr).toBe(
    `watching from revision ${from}; Ctrl-C ends it\nto go on from here: eraft watch --from ${three}\n`,
  );
});

test("a watch from the future is refused with the revision that there is", async () => {
  expect(await run("watch", "--from", "1000000")).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^eraft: that revision has not happened yet: the store is at revision \d+\n$/,
    ),
  });
});

test("a watch tells changes through a change of leaders, and ends with Ctrl-C", async () => {
  const watch = new EraftProcess(["watch", "live/", ...cluster.clusterFlags, "--from", "1"]);
  await run("put", "live/a", "1");
  await watch.says(/put live\/a\t1\n/);
  const leader = await cluster.leader();
  await cluster.kill(leader);
  expect((await run("put", "live/b", "2")).code).toBe(0);
  await watch.says(/put live\/b\t2\n/);
  await cluster.restart(leader);
  const { code, stdout, stderr } = await watch.kill("SIGINT");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/^\d+ put live\/[ab]\t\d$/gm)).toHaveLength(2);
});
