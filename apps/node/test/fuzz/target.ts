// The node under fire, in a process of its own: whatever it does not catch ends it. Tells its parent what it looks like inside when asked.
import { createHash } from "node:crypto";
import type { Clock, InstallSnapshot, Message, OutgoingSnapshot, Receiver, Transport } from "@eraft/core";
import { type KvQuery, KvStateMachine, encodeCommand, kvService, kvV1Service } from "@eraft/kv";
import { KVService, Op } from "@eraft/proto/kvraftpb";
import { RaftNode } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { ConnectTransport, registerUnary } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { registerKvV1 } from "../../src/server/kv-v1-routes.ts";
import { COMMIT_INDEX, LAST_INDEX, LEADER, PEERS, SELF, TERM, termAt } from "./cluster.ts";

/** What must not change, and what must not grow. */
export interface Inspection {
  /** Status, log and state machine, as text. */
  readonly state: string;
  /** Requests of peers that the node has and has not answered. */
  readonly openExchanges: number;
  /** The same of clients. A read waits for the leader until its time is up. */
  readonly pendingRequests: number;
  readonly connections: number;
  /** After garbage collection. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** Time that stands still: no election, no heartbeat. */
const stoppedClock: Clock = { now: () => 0, after: () => () => {} };

/** Counts what goes in and what comes out. */
class CountingTransport implements Transport {
  open = 0;
  receiver: Receiver | null = null;
  readonly #inner: ConnectTransport;

  constructor(inner: ConnectTransport) {
    this.#inner = inner;
  }

  start(receiver: Receiver): Promise<void> {
    this.receiver = receiver;
    return this.#inner.start({
      receive: (message) => {
        this.open += 1;
        receiver.receive(message);
      },
      receiveSnapshot: (header, chunks) => {
        this.open += 1;
        return receiver.receiveSnapshot(header, chunks);
      },
      unreachable: (peer, error) => receiver.unreachable(peer, error),
    });
  }

  setPeers(peers: ReadonlyMap<number, string>): void {
    this.#inner.setPeers(peers);
  }

  send(message: Message): void {
    // A follower may also have a question of its own, as for a client that wants to read.
    if (message.type.endsWith("Response") || message.type === "refusal") this.open -= 1;
    this.#inner.send(message);
  }

  sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    return this.#inner.sendSnapshot(header, snapshot);
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }
}

const connect = new ConnectTransport({ id: SELF, connect: (address) => nodePeerConnection(address) });
const transport = new CountingTransport(connect);
const storage = new MemoryStorage();
const stateMachine = new KvStateMachine();
const node = new RaftNode<Uint8Array, KvQuery>({
  id: SELF,
  peers: new Map([SELF, ...PEERS].map((id) => [id, `127.0.0.1:${id + 1}`])),
  storage,
  transport,
  stateMachine,
  clock: stoppedClock,
  seed: 1,
});
const kv = kvService(node);
const kvV1 = kvV1Service(node, stateMachine, { timeLimitMs: 100 });
const server = serve({
  host: "127.0.0.1",
  port: 0,
  routes: (router) => {
    connect.routes(router);
    const { command, getStatus } = KVService.method;
    registerUnary(router, command, kv.command);
    registerUnary(router, getStatus, kv.getStatus);
    registerKvV1(router, { service: () => kvV1, track: (call) => call, foreign: () => [] });
  },
});

const { port } = await server.listening;
await node.start();
await followLeader();
process.on("message", (question) => {
  if (question === "inspect") void inspect().then((inspection) => process.send?.(inspection));
});
process.on("disconnect", () => process.exit());
process.send?.({ port });

/** The log that cluster.ts speaks of, from the leader it speaks of. */
async function followLeader(): Promise<void> {
  const entries = Array.from({ length: LAST_INDEX }, (_, i) => {
    const command = { key: `k${i % 7}`, value: `v${i};`, op: Op.APPEND, clientId: 0n, commandId: 0n };
    return { index: i + 1, term: termAt(i + 1), command: encodeCommand(command) };
  });
  transport.open += 1;
  transport.receiver?.receive({
    type: "appendEntries",
    from: LEADER,
    to: SELF,
    term: TERM,
    sequence: 2 ** 50,
    prevLogIndex: 0,
    prevLogTerm: 0,
    leaderCommit: COMMIT_INDEX,
    entries,
  });
  for (let status = node.status(); status.lastApplied < COMMIT_INDEX; status = node.status()) {
    if (status.failure !== null) throw status.failure;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function inspect(): Promise<Inspection> {
  const { phase, role, term, leaderId, commitIndex, lastApplied, lastLogIndex, failure } = node.status();
  const digest = createHash("sha256");
  for await (const chunk of stateMachine.snapshot()) digest.update(chunk);
  const status = { phase, role, term, leaderId, commitIndex, lastApplied, lastLogIndex };
  const { snapshotIndex, logBytes, storageBytes, pendingRequests } = node.status();
  const rest = { snapshotIndex, logBytes, storageBytes, failure: failure?.message ?? null };
  const state = JSON.stringify({ ...status, ...rest, stateMachine: digest.digest("hex") });
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const connections = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  return {
    state,
    openExchanges: transport.open,
    pendingRequests,
    connections,
    heapBytes: heapUsed,
    rssBytes: rss,
  };
}
