import type { KvOutput } from "@eraft/linearizability";
import { ELECTION_MS, type KvraftClient, type KvScenario } from "../../../src/scenario/index.ts";
import { mustHold } from "../../../src/violation.ts";
import { type MitScenario, range } from "../mit-scenario.ts";
import { appended, checkClientAppends } from "./append-order.ts";
import { kvScenario } from "./kv-scenario.ts";

const MAX_RAFT_STATE = 1000;

/** Operations one after another must not each wait for a heartbeat: at least three of them fit between two, which are 100 ms apart. */
function speed(name: string, maxRaftState: number): MitScenario {
  return kvScenario(name, { servers: 3, maxRaftState }, async (s) => {
    const client = s.client();
    // Waits for the first leader.
    await s.get(client, "x");
    const began = s.now;
    for (let count = 0; count < 1000; count += 1) await s.append(client, "x", appended(0, count));
    const perOperationMs = (s.now - began) / 1000;
    mustHold(perOperationMs <= 100 / 3, "Speed", () => `an operation takes ${perOperationMs} ms`);
    checkClientAppends(await s.get(client, "x"), 0, 1000);
  });
}

const unreliableOneKey = kvScenario(
  "TestUnreliableOneKey3A",
  { servers: 3, network: "unreliable", appendsOnly: true },
  async (s) => {
    // Unlike in the labs, the key does not begin with a put: the first append makes it. And clients look at what they did.
    const clients = range(5).map(() => s.client());
    let done = 0;
    for (const [number, client] of clients.entries()) {
      const appendNext = (count: number): void => {
        if (count === 10) done += 1;
        else {
          const value = appended(number, count);
          s.begin(client, { type: "append", key: "k", value }, () =>
            s.begin(client, { type: "get", key: "k" }, () => appendNext(count + 1)),
          );
        }
      };
      appendNext(0);
    }
    await s.mustReach(() => done === 5, "a client's ten appends are not answered");
    const value = await s.get(s.client(), "k");
    for (const number of range(5)) checkClientAppends(value, number, 10);
    const bytes = range(5).flatMap((number) => range(10).map((count) => appended(number, count).length));
    const expected = bytes.reduce((sum, length) => sum + length, 0);
    mustHold(
      value?.length === expected,
      "KV Value",
      () => `there is something else in ${JSON.stringify(value)}`,
    );
  },
);

const onePartition = kvScenario("TestOnePartition3A", { servers: 5 }, async (s) => {
  const client = s.client();
  await s.put(client, "1", "13");
  const leader = await s.leader();
  const minority = [leader, (leader + 1) % 5];
  const majority = s.nodes.filter((node) => !minority.includes(node));
  s.partition(majority, minority);

  const inside = s.client(majority);
  await s.put(inside, "1", "14");
  await s.check(inside, "1", "14");

  const writer = s.client(minority);
  const reader = s.client(minority);
  const written = inBackground(s, writer, { type: "put", key: "1", value: "15" });
  const read = inBackground(s, reader, { type: "get", key: "1" });
  await s.runFor(ELECTION_MS);
  mustHold(written.answer === null, "Quorum", () => "a minority has answered a put");
  // Here the original has `select` with a `default`, and so it would have passed with any answer.
  mustHold(read.answer === null, "Quorum", () => `a minority has answered a get: ${read.answer?.output}`);
  await s.check(inside, "1", "14");
  await s.put(inside, "1", "16");
  await s.check(inside, "1", "16");

  s.connectAll();
  writer.clerk.connect(s.nodes);
  reader.clerk.connect(s.nodes);
  await s.mustReach(
    () => written.answer !== null && read.answer !== null,
    "a client of the minority is not answered",
  );
  // Both were called before 16 was written and answered after it, so either may see the other's doing or not; 14 and 13 are gone.
  const output = read.answer?.output ?? null;
  mustHold(output === "15" || output === "16", "KV Value", () => `the get of the minority gives ${output}`);
  await s.check(client, "1", "15");
});

/** An operation that the script does not wait for. */
function inBackground(
  s: KvScenario,
  client: KvraftClient,
  input: Parameters<KvScenario["begin"]>[1],
): { answer: { readonly output: KvOutput } | null } {
  const operation: { answer: { readonly output: KvOutput } | null } = { answer: null };
  s.begin(client, input, (output) => (operation.answer = { output }));
  return operation;
}

const snapshotRpc = kvScenario(
  "TestSnapshotRPC3B",
  { servers: 3, maxRaftState: MAX_RAFT_STATE },
  async (s) => {
    const client = s.client();
    await s.put(client, "a", "A");
    await s.check(client, "a", "A");

    // The third server is away while the others take snapshots.
    s.partition([0, 1], [2]);
    const most = s.client([0, 1]);
    for (const at of range(50)) await s.put(most, String(at), String(at));
    await s.runFor(ELECTION_MS);
    await s.put(most, "b", "B");
    const logBytes = s.logBytes([0, 1]);
    mustHold(logBytes <= 8 * MAX_RAFT_STATE, "Log Size", () => `the majority's log has ${logBytes} bytes`);

    // A majority of which one server has to catch up first. The original would not notice if the log were sent instead of a snapshot.
    const installs = s.installs;
    s.partition([0, 2], [1]);
    const caughtUp = s.client([0, 2]);
    await s.put(caughtUp, "c", "C");
    await s.put(caughtUp, "d", "D");
    mustHold(s.installs > installs, "Snapshots", () => "the server that was away got no snapshot");
    for (const [key, value] of [
      ["a", "A"],
      ["b", "B"],
      ["1", "1"],
      ["49", "49"],
    ] as const) {
      await s.check(caughtUp, key, value);
    }

    s.connectAll();
    await s.put(client, "e", "E");
    for (const [key, value] of [
      ["c", "C"],
      ["e", "E"],
      ["1", "1"],
    ] as const)
      await s.check(client, key, value);
  },
);

const snapshotSize = kvScenario(
  "TestSnapshotSize3B",
  { servers: 3, maxRaftState: MAX_RAFT_STATE },
  async (s) => {
    const client = s.client();
    for (let round = 0; round < 200; round += 1) {
      for (const value of ["0", "1"]) {
        await s.put(client, "x", value);
        await s.check(client, "x", value);
      }
    }
    const logBytes = s.logBytes();
    mustHold(logBytes <= 8 * MAX_RAFT_STATE, "Log Size", () => `a log has ${logBytes} bytes`);
    // 800 operations leave one key and one session. At least one: the reads take no log entry, but 400 writes are far more than the limit.
    const bytes = s.snapshotBytes();
    mustHold(bytes > 0 && bytes <= 500, "Snapshot Size", () => `a snapshot has ${bytes} bytes`);
  },
);

export const SCRIPTED_3A: readonly MitScenario[] = [
  speed("TestSpeed3A", Infinity),
  unreliableOneKey,
  onePartition,
];

export const SCRIPTED_3B: readonly MitScenario[] = [
  snapshotRpc,
  snapshotSize,
  speed("TestSpeed3B", MAX_RAFT_STATE),
];
