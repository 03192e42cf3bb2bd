import { afterEach, expect, test } from "vitest";
import {
  BusyError,
  InvalidCommandError,
  NotStartedError,
  OutcomeUnknownError,
  RaftError,
  RaftNode,
  StoppedError,
} from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { Cluster } from "./support/cluster.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes, Journal } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { ScriptedTransport } from "./support/scripted-transport.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

test("before start and after stop nothing is done, and the error says so", async () => {
  cluster = await Cluster.start(1);
  const { node } = cluster.make(0);
  await expect(node.propose(bytes("a"))).rejects.toThrow(NotStartedError);
  await expect(node.read("all")).rejects.toMatchObject({ code: "NOT_STARTED", retry: "later" });
  expect(node.status()).toMatchObject({ phase: "created", role: null });
  await node.stop();
  await expect(node.propose(bytes("a"))).rejects.toThrow(StoppedError);
  await expect(node.read("all")).rejects.toMatchObject({ code: "STOPPED", retry: "elsewhere" });
  await expect(node.start()).rejects.toThrow(StoppedError);
  expect(node.status()).toMatchObject({ phase: "stopped", role: null });
});

test("a caller may reuse its buffer at once", async () => {
  cluster = await Cluster.start(1);
  const { node, journal, storage } = await cluster.leader();
  for (const buffer of [bytes("abc"), Buffer.from("abc")]) {
    const proposal = node.propose(buffer);
    buffer.fill(0x78);
    expect(await proposal).toMatch(":abc");
  }
  expect(journal.lines).toEqual(["2:abc", "3:abc"]);
  await node.stop();
  const stored = (await storage.inner.open()).entries.map(({ command }) => new TextDecoder().decode(command));
  await storage.inner.close();
  expect(stored).toEqual(["", "abc", "abc"]);
});

test("commands that cannot go into the log are refused and change nothing", async () => {
  cluster = await Cluster.start(1, { maxCommandBytes: 3 });
  const { node, journal } = await cluster.leader();
  await expect(node.propose(new Uint8Array(0))).rejects.toThrow(InvalidCommandError);
  await expect(node.propose(bytes("long"))).rejects.toThrow("more than maxCommandBytes (3)");
  await expect(node.propose("text" as unknown as Uint8Array)).rejects.toMatchObject({
    code: "INVALID_COMMAND",
    retry: "never",
    message: expect.stringContaining("has no codec"),
  });
  expect(node.status().lastLogIndex).toBe(1);
  expect(journal.lines).toEqual([]);
});

test("a codec turns commands into bytes; bytes pass through untouched; its errors are the caller's", async () => {
  cluster = await Cluster.start(1);
  const storage = new MemoryStorage();
  const scratch = new Uint8Array(1);
  const node = new RaftNode<{ letter: string } | Uint8Array, string, string>({
    id: 0,
    peers: new Map([[0, "a"]]),
    storage,
    transport: new ScriptedTransport(),
    stateMachine: new Journal(),
    clock: cluster.clock,
    codec: {
      encode(command) {
        if (command instanceof Uint8Array) throw new Error("bytes reached the codec");
        if (command.letter === "none") return new Uint8Array(0);
        if (command.letter.length > 1) throw new Error("not one letter");
        scratch.set(bytes(command.letter)); // A codec may reuse its buffer too.
        return scratch;
      },
    },
  });
  await node.start();
  await cluster.until(() => node.status().role === "leader", "no leader");
  const results = Promise.all([
    node.propose({ letter: "a" }),
    node.propose({ letter: "b" }),
    node.propose(bytes("c")),
  ]);
  expect(await results).toEqual(["2:a", "3:b", "4:c"]);
  const refused = await node.propose({ letter: "long" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InvalidCommandError);
  expect(refused).toMatchObject({
    message: expect.stringContaining("not one letter"),
    cause: expect.any(Error),
  });
  await expect(node.propose({ letter: "none" })).rejects.toThrow("empty");
  await node.stop();
});

test("more requests than maxPendingRequests are refused as busy, and there is room again when some are answered", async () => {
  cluster = await Cluster.start(1, { maxPendingRequests: 2 });
  const { node } = await cluster.leader();
  const accepted = [node.propose(bytes("a")), node.read("all")];
  const refused = [outcomeOf(node.propose(bytes("b"))), outcomeOf(node.read("all"))];
  await Promise.all(accepted);
  for (const { error } of refused) {
    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({ code: "BUSY", retry: "later" });
  }
  expect(await node.propose(bytes("c"))).toBe("3:c");
});

test("a leader with too much uncommitted is busy", async () => {
  cluster = await Cluster.start(3, { maxUncommittedBytes: 100 });
  const leader = await cluster.leader();
  for (const { node } of await cluster.followers()) cluster.network.cut(leader.node.id, node.id);
  const proposals = Array.from({ length: 5 }, (_, n) =>
    outcomeOf(leader.node.propose(bytes(`command ${n}`))),
  );
  await settle();
  expect(proposals.map(({ state }) => state)).toContain("pending");
  expect(proposals.at(-1)?.error).toBeInstanceOf(BusyError);
});

test("an aborted proposal: not done if it was not handed in, otherwise unknown, and the log goes on", async () => {
  cluster = await Cluster.start(1);
  const { node, journal, storage } = await cluster.leader();
  const reason = new Error("the user went away");
  await expect(node.propose(bytes("a"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

  const beforeItsTurn = new AbortController();
  const unsent = node.propose(bytes("b"), { signal: beforeItsTurn.signal });
  beforeItsTurn.abort(reason);
  await expect(unsent).rejects.toBe(reason);

  const gate = new Gate();
  gate.close();
  storage.before = gate.pass;
  const inTheLog = new AbortController();
  const sent = node.propose(bytes("c"), { signal: inTheLog.signal });
  await settle();
  inTheLog.abort(reason);
  const error = await sent.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(OutcomeUnknownError);
  expect(error).toMatchObject({ cause: reason });
  gate.open();
  await settle();
  expect(journal.lines).toEqual(["2:c"]);
  expect(node.status().pendingRequests).toBe(0);
});

test("an aborted read rejects with the reason, also while the state machine works on it", async () => {
  cluster = await Cluster.start(1);
  const { node, journal } = await cluster.leader();
  const gate = new Gate();
  gate.close();
  journal.onQuery = gate.pass;
  const controller = new AbortController();
  const read = node.read("all", { signal: controller.signal });
  await settle();
  expect(gate.arrivals).toBe(1);
  controller.abort("enough");
  await expect(read).rejects.toBe("enough");
  gate.open();
  expect(await node.read("all", { signal: new AbortController().signal })).toBe("");
});

test("a query that the state machine rejects is the caller's error, and the node goes on", async () => {
  cluster = await Cluster.start(1);
  const { node, journal } = await cluster.leader();
  const error = new Error("no such query");
  journal.onQuery = () => Promise.reject(error);
  await expect(node.read("all")).rejects.toBe(error);
  expect(node.status().failure).toBeNull();
  expect(await node.propose(bytes("a"))).toBe("2:a");
});

test("every error says in its message what to do next", async () => {
  cluster = await Cluster.start(3);
  const refused: unknown = await cluster
    .member(0)
    .node.propose(bytes("a"))
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RaftError);
  expect(refused).toMatchObject({
    leaderId: null,
    leaderAddress: null,
    message: expect.stringContaining("another server"),
  });
});

test.for([
  [{ id: 3 }, "id: 3 is not one of the peers [0]"],
  [{ peers: new Map([[-1, "a"]]) }, "peers: -1"],
  [{ heartbeatMs: 0 }, "heartbeatMs: 0"],
  [{ electionTimeoutMs: 200 }, "electionTimeoutMs: 200 must be a number, at least twice heartbeatMs"],
  [{ snapshotBytes: Number.NaN }, "snapshotBytes: NaN"],
  [{ maxPendingRequests: 0 }, "maxPendingRequests: 0"],
  [{ maxCommandBytes: -1 }, "maxCommandBytes: -1"],
  [{ maxAppendBytes: 0 }, "maxAppendBytes: 0"],
  [{ seed: 0.5 }, "seed: 0.5"],
  [{ storage: undefined }, "storage: is missing"],
] as const)("a bad option is named: %o", async ([wrong, message]) => {
  cluster = await Cluster.start(1);
  const options = {
    id: 0,
    peers: new Map([[0, "a"]]),
    storage: new MemoryStorage(),
    transport: new ScriptedTransport(),
    stateMachine: new Journal(),
    ...wrong,
  };
  const make = () => new RaftNode(options as ConstructorParameters<typeof RaftNode>[0]);
  expect(make).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(message) }),
  );
});
