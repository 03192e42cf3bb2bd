import { afterEach, expect, test } from "vitest";
import { Cluster } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

// Applied again on top of itself, an append would be there twice, and on this server only.
test("a state machine that keeps its state is handed only what it does not reflect yet", async () => {
  cluster = await Cluster.start(1);
  const { node, journal, storage } = await cluster.leader();
  for (const command of ["a", "b", "c"]) await node.propose(bytes(command));
  expect(journal.lines).toEqual(["2:a", "3:b", "4:c"]);
  await node.stop();

  const next = cluster.make(0, new FaultyStorage(storage.inner));
  next.journal.opensAt = 3;
  next.journal.lines = ["2:a", "3:b"];
  await next.node.start();
  expect(next.node.status().lastApplied).toBe(3);
  await cluster.until(() => next.node.status().lastApplied === 5, "the rest is not applied");
  expect(next.journal.lines).toEqual(["2:a", "3:b", "4:c"]);
});
