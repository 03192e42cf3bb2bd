import { Code, ConnectError } from "@connectrpc/connect";
import { KvTimeoutError } from "@eraft/kv";
import { expect, test } from "vitest";
import { explain } from "../src/errors.ts";
import { freePorts } from "./support/ports.ts";
import { runMain } from "./support/run-main.ts";

/** Nobody listens there. */
async function deadCluster(): Promise<string> {
  return (await freePorts(3)).map((port) => `127.0.0.1:${port}`).join(",");
}

test.each([
  ["get", "k"],
  ["put", "k", "v"],
  ["append", "k", "v"],
  ["delete", "k"],
  ["cas", "k", "v", "--absent"],
  ["scan"],
  ["watch"],
  ["export"],
])("an unreachable cluster: eraft %s says what it tried, and what to check", async (...args) => {
  const cluster = await deadCluster();
  const { code, stdout, stderr } = await runMain(...args, "--cluster", cluster, "--timeout-ms", "300");
  expect(stderr).toMatch(/^eraft: no answer from the cluster, [^\n]+\n(?: {2}[^\n]+\n){1,2}$/);
  expect(stderr).toMatch(/^ {2}(check that the nodes run|eraft status --cluster \S+ tells)/m);
  for (const address of cluster.split(",")) {
    // On a slow machine the time limit may come in the middle of an attempt.
    expect(stderr).toMatch(new RegExp(`${address}: (connection refused|the call was given up)`));
  }
  expect(stdout).toBe("");
  expect(code).toBe(stderr.includes("the write may have been done") ? 4 : 1);
});

test("names that nobody knows are what is to be checked", () => {
  const reason = new Error("getaddrinfo ENOTFOUND nowhere.invalid");
  const lastErrors = new Map([["nowhere.invalid:1", reason]]);
  expect(explain(new KvTimeoutError("get", { outcome: "not-done", attempts: 1, lastErrors }))).toEqual({
    line: "no answer from the cluster, nothing was done (nowhere.invalid:1: unknown host)",
    hints: ["check the names in --cluster: no such host is known here"],
    exitCode: 1,
  });
});

test("nodes that do not know a call are told from those that are down", () => {
  const lastErrors = new Map([["a:1", new ConnectError("HTTP 404", Code.Unimplemented)]]);
  const { line, hints } = explain(
    new KvTimeoutError("scan", { outcome: "not-done", attempts: 1, lastErrors }),
  );
  expect(line).toContain("a:1: it does not know this call");
  expect(hints).toEqual([expect.stringContaining("put, append, get and status")]);
});

test("where some answer and none leads, a majority is what is to be checked", () => {
  const lastErrors = new Map([
    ["a:1", new Error("connect ECONNREFUSED")],
    ["b:2", new Error("it is not the leader")],
  ]);
  const { hints } = explain(new KvTimeoutError("put", { outcome: "not-done", attempts: 2, lastErrors }));
  expect(hints[0]).toContain("majority");
  expect(hints[1]).toContain("eraft status --cluster a:1,b:2");
});

test("an unreachable cluster: eraft status lists every node as offline, and fails", async () => {
  const cluster = await deadCluster();
  const table = await runMain("status", "--cluster", cluster);
  expect(table.stdout.match(/ Offline /g)).toHaveLength(3);
  expect(table.stdout).toContain("no leader");
  expect(table.stderr).toBe("eraft: no node of the cluster answers\n");
  expect(table.code).toBe(1);

  const json = await runMain("status", "--json", "--cluster", cluster);
  expect(JSON.parse(json.stdout)).toEqual(
    cluster.split(",").map((address, id) => ({ id, address, state: "Offline" })),
  );
  expect(json.code).toBe(1);
});
