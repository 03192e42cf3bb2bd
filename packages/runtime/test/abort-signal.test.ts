import { getEventListeners } from "node:events";
import { afterEach, expect, test } from "vitest";
import { NotLeaderError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

// A server's own shutdown signal is passed with every request for as long as the server lives.
test("a request that has ended, however it did, leaves nothing with its caller's signal", async () => {
  cluster = await Cluster.start(3);
  const { node } = await cluster.leader();
  const [follower] = await cluster.followers();
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = (): number => getEventListeners(signal, "abort").length;

  await cluster.await(node.propose(bytes("a"), { signal }));
  await cluster.await(node.read("all", { signal }));
  await expect(follower?.node.propose(bytes("b"), { signal })).rejects.toThrow(NotLeaderError);
  expect(listeners()).toBe(0);

  const aborted = node.read("all", { signal });
  expect(listeners()).toBe(1);
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  expect(listeners()).toBe(0);
});
