import { expect, test } from "vitest";
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
])("an unreachable cluster: eraft %s says so in one line", async (...args) => {
  const cluster = await deadCluster();
  const { code, stdout, stderr } = await runMain(...args, "--cluster", cluster, "--timeout-ms", "300");
  expect(stderr).toMatch(/^eraft: no answer from the cluster, [^\n]+\n$/);
  for (const address of cluster.split(",")) {
    // On a slow machine the time limit may come in the middle of an attempt.
    expect(stderr).toMatch(new RegExp(`${address}: (connection refused|the call was given up)`));
  }
  expect(stdout).toBe("");
  expect(code).toBe(stderr.includes("the write may have been done") ? 4 : 1);
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
