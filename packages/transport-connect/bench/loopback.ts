/**
 * How fast messages pass between two servers of one process, over unary calls and over streams. Prints, for each: AppendEntries a second with one
 * entry of 160 bytes, one at a time and many at once; and megabytes a second in AppendEntries of 1000 such entries. What counts is the ratio.
 */
import type { AppendEntries, Entry, Message, Receiver } from "@eraft/core";
import { ConnectTransport } from "@eraft/transport-connect";
import type { PeerConnection } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import type { RpcServer } from "@eraft/transport-connect/node";

const COMMAND_BYTES = 160;
const SECONDS = Number(process.argv[2] ?? 2);
const ENTRIES = Array.from({ length: 1000 }, (_, i): Entry => {
  return { index: 2 + i, term: 1, command: new Uint8Array(COMMAND_BYTES).fill(i) };
});

interface Server {
  readonly transport: ConnectTransport;
  readonly rpc: RpcServer;
  readonly address: string;
  onMessage: (message: Message) => void;
}

type Kind = "unary" | "streams over Connect" | "streams";

async function start(id: number, kind: Kind): Promise<Server> {
  const deadlines = { appendEntriesMs: 10_000 };
  const connect = (address: string): PeerConnection => {
    const { open, ...connection } = nodePeerConnection(address);
    return kind === "streams" ? { ...connection, open } : connection;
  };
  const transport = new ConnectTransport({ id, connect, deadlines, streams: kind !== "unary" });
  const rpc = serve({ host: "127.0.0.1", port: 0, routes: (router) => transport.routes(router) });
  const { port } = await rpc.listening;
  const server: Server = { transport, rpc, address: `127.0.0.1:${port}`, onMessage: () => {} };
  const receiver: Receiver = {
    receive: (message) => server.onMessage(message),
    receiveSnapshot: () => Promise.reject(new Error("no snapshots here")),
    unreachable: (_, error) => console.log(error.message),
  };
  await transport.start(receiver);
  return server;
}

interface Measured {
  readonly perSecond: number;
  /** Time of the processor for one message and its answer, at both ends. */
  readonly cpuUs: number;
}

/** Keeps `window` requests with `count` entries under way. */
async function measure(leader: Server, window: number, count: number): Promise<Measured> {
  let sequence = 0;
  let answered = 0;
  let isOver = false;
  const done = Promise.withResolvers<void>();
  const entries = ENTRIES.slice(0, count);
  const send = (): void => {
    sequence += 1;
    const envelope = { type: "appendEntries", from: 0, to: 1, term: 1, sequence } as const;
    const message: AppendEntries = { ...envelope, prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 1, entries };
    leader.transport.send(message);
  };
  leader.onMessage = () => {
    answered += 1;
    if (!isOver) send();
    else if (answered === sequence) done.resolve();
  };
  for (let i = 0; i < window; i += 1) send();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = answered;
  const cpuBefore = process.cpuUsage();
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const { user, system } = process.cpuUsage(cpuBefore);
  const messages = answered - before;
  const perSecond = (messages * 1000) / (performance.now() - from);
  isOver = true;
  await done.promise;
  return { perSecond, cpuUs: (user + system) / messages };
}

async function run(name: Kind): Promise<void> {
  const [leader, follower] = [await start(0, name), await start(1, name)];
  leader.transport.setPeers(new Map([[1, follower.address]]));
  follower.transport.setPeers(new Map([[0, leader.address]]));
  follower.onMessage = (message) => {
    if (message.type !== "appendEntries") return;
    const { from, to, term, sequence, prevLogIndex } = message;
    const matchIndex = prevLogIndex + message.entries.length;
    const success = { success: true, matchIndex, conflictIndex: 0, conflictTerm: 0 };
    const envelope = { type: "appendEntriesResponse", from: to, to: from, term, sequence } as const;
    follower.transport.send({ ...envelope, ...success });
  };
  for (const window of [1, 4, 24]) {
    const { perSecond, cpuUs } = await measure(leader, window, 1);
    const eachUs = (window * 1e6) / perSecond;
    const times = `${eachUs.toFixed(0)} us each, ${cpuUs.toFixed(1)} us of processor time`;
    console.log(`${name}: ${perSecond.toFixed(0)} messages/s, ${window} under way, ${times}`);
  }
  const { perSecond, cpuUs } = await measure(leader, 4, 1000);
  const megabytes = (perSecond * 1000 * COMMAND_BYTES) / 1e6;
  const times = `${(cpuUs / 1000).toFixed(2)} us of processor time for an entry`;
  console.log(`${name}: ${megabytes.toFixed(0)} MB/s, 4 messages of 1000 entries under way, ${times}`);
  await Promise.all([leader, follower].map(({ transport }) => transport.stop()));
  await Promise.all([leader, follower].map(({ rpc }) => rpc.close()));
}

for (const kind of ["unary", "streams over Connect", "streams"] as const) await run(kind);
