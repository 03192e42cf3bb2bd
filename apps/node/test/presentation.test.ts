import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Standing } from "@eraft/proto/eraft/cluster/v1";
import { AdminService, ListMembersResponseSchema } from "@eraft/proto/eraft/admin/v1";
import { serve } from "@eraft/transport-connect/node";
import { expect, onTestFinished, test } from "vitest";
import { type Address, parseAddress } from "../src/cluster.ts";
import { createLogger } from "../src/logger.ts";
import type { ServeConfig } from "../src/server/config.ts";
import type { DiskIdentity } from "../src/server/disk.ts";
import { present, withReception } from "../src/server/presentation.ts";

type Said = MessageInitShape<typeof ListMembersResponseSchema>;

/** Another node, which says one thing after the other, and the last one for good. */
async function otherNode(...said: readonly Said[]): Promise<{ address: Address; asked: () => number }> {
  let asked = 0;
  const server = serve({
    host: "127.0.0.1",
    port: 0,
    routes: (router) => {
      router.service(AdminService, {
        listMembers: () => {
          asked += 1;
          return create(ListMembersResponseSchema, said[Math.min(asked, said.length) - 1]);
        },
      });
    },
  });
  onTestFinished(() => server.close());
  const { host, port } = await server.listening;
  return { address: parseAddress(`${host}:${port}`), asked: () => asked };
}

class Disk implements DiskIdentity {
  clusterId: string | null;
  readonly incarnation = "mine";
  readonly starts: number;

  constructor(clusterId: string | null, starts = 1) {
    this.clusterId = clusterId;
    this.starts = starts;
  }

  async adoptCluster(clusterId: string): Promise<void> {
    this.clusterId = clusterId;
  }

  async close(): Promise<void> {}
}

/** Node 1, which begins a cluster with `other`, or is to join it. */
function config(other: Address, joins = false): ServeConfig {
  const listen = parseAddress("127.0.0.1:1");
  return {
    id: 1,
    listen,
    beginning: joins
      ? { type: "join", contacts: [other] }
      : {
          type: "found",
          members: new Map([
            [0, other],
            [1, listen],
          ]),
        },
    clusterId: null,
    readdress: false,
    storage: { type: "memory" },
    state: "memory",
    electionTimeoutMs: 400,
    heartbeatMs: 50,
    snapshotBytes: 1,
    maxClockDriftPercent: null,
    logLevel: "error",
  };
}

const quiet = {
  logger: createLogger({ node: 1, level: "error", write: () => {} }),
  isStopping: () => false,
};

function says(index: bigint, incarnation: string | null, clusterId = "c"): Said {
  const others = { id: 0n, standing: Standing.VOTER };
  const members =
    incarnation === null ? [others] : [others, { id: 1n, standing: Standing.VOTER, incarnation }];
  return { clusterId, index, members, leaderId: 0n };
}

test.each<[string, Said, string]>([
  ["has not begun to keep account", says(0n, ""), "silence"],
  ["waits itself to be added", { clusterId: "c", index: 0n, members: [] }, "silence"],
  ["does not know its cluster", says(4n, "another", ""), "silence"],
  ["belongs to another cluster", says(4n, "another", "d"), "silence"],
  ["does not know by which disk", says(4n, ""), "member"],
  ["knows it by this disk", says(4n, "mine"), "member"],
  ["knows it by another disk", says(4n, "another"), "otherDisk"],
  ["knows it by another disk since the beginning", says(0n, "another"), "otherDisk"],
  ["does not know it", says(4n, null), "noMember"],
])("a node that %s makes of one that starts: %o, %s", async (_what, said, type) => {
  const { address } = await otherNode(said);
  const reception = await present(config(address), new Disk("c"), quiet);
  expect(reception.type).toBe(type);
  // Whoever might found a cluster that is there already must not.
  const { beginning } = withReception(config(address), reception);
  expect(beginning.type).toBe(type === "otherDisk" || type === "noMember" ? "join" : "found");
});

test("where nobody is, nobody says anything", async () => {
  expect(await present(config(parseAddress("127.0.0.1:9")), new Disk("c"), quiet)).toEqual({
    type: "silence",
  });
});

test("a new disk waits for one that is being read, and learns what is known there", async () => {
  const reading = { clusterId: "c", starting: true };
  const node = await otherNode(reading, reading, says(4n, "another"));
  expect((await present(config(node.address), new Disk("c"), quiet)).type).toBe("otherDisk");
  expect(node.asked()).toBe(3);
});

test("a disk that was there before waits for nobody, or two would wait for each other; nor does one that is to stop", async () => {
  const node = await otherNode({ clusterId: "c", starting: true });
  expect((await present(config(node.address), new Disk("c", 2), quiet)).type).toBe("silence");
  const stopping = { ...quiet, isStopping: () => true };
  expect((await present(config(node.address), new Disk("c"), stopping)).type).toBe("silence");
  expect(node.asked()).toBe(2);
});

test("a node that joins takes the name of the cluster from the nodes it was told of", async () => {
  const { address } = await otherNode(says(4n, null, "theirs"));
  const disk = new Disk(null);
  expect((await present(config(address, true), disk, quiet)).type).toBe("noMember");
  expect(disk.clusterId).toBe("theirs");
});

test("who was left behind by a recovery is told, and does not start", async () => {
  const { address } = await otherNode(says(4n, null, "c/1"));
  await expect(present(config(address), new Disk("c"), quiet)).rejects.toThrow(
    "the cluster was recovered without this node, as c/1",
  );
  // One that came with the recovery, or after it, was not.
  expect((await present(config(address), new Disk("c/1"), quiet)).type).toBe("noMember");
});
