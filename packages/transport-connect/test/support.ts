import type { Clock, InstallSnapshot, Message, NodeId, Receiver, Request, Response } from "@eraft/core";
import { ConnectTransport } from "@eraft/transport-connect";
import type { ConnectTransportOptions, Limits } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import type { RpcServer, ServerLimits } from "@eraft/transport-connect/node";
import type { EngineName } from "./engines.ts";

/** Time that passes only when told to. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { atMs: number; fn: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { atMs: this.#now + ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#now);
    for (const timer of due) timer.fn();
  }
}

/** Keeps what it is given, and lets a test wait for the next of it. */
export class Inbox<T> {
  readonly all: T[] = [];
  #taken = 0;
  #waiting: (() => void) | null = null;

  push(item: T): void {
    this.all.push(item);
    this.#waiting?.();
  }

  async next(): Promise<T> {
    for (;;) {
      const item = this.all[this.#taken];
      if (item !== undefined) {
        this.#taken += 1;
        return item;
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}

export interface ReceivedSnapshot {
  readonly header: InstallSnapshot;
  readonly data: Buffer;
}

/** A server that records, and answers only if told how. */
export class TestReceiver implements Receiver {
  readonly messages = new Inbox<Message>();
  readonly snapshots = new Inbox<ReceivedSnapshot>();
  readonly unreached = new Inbox<{ readonly peer: NodeId; readonly error: Error }>();
  onMessage: (message: Message) => void = () => {};
  onSnapshot: (header: InstallSnapshot) => Promise<void> | void = () => {};

  receive(message: Message): void {
    this.messages.push(message);
    this.onMessage(message);
  }

  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.snapshots.push({ header, data: Buffer.concat(parts) });
    await this.onSnapshot(header);
  }

  unreachable(peer: NodeId, error: Error): void {
    this.unreached.push({ peer, error });
  }
}

/** The answer of a server that agrees with everything. */
export function agree(request: Request): Response {
  const envelope = {
    from: request.to,
    to: request.from,
    term: request.term,
    sequence: request.sequence,
  };
  switch (request.type) {
    case "requestVote":
      return { type: "requestVoteResponse", ...envelope, voteGranted: true };
    case "appendEntries": {
      const matchIndex = request.prevLogIndex + request.entries.length;
      return {
        type: "appendEntriesResponse",
        ...envelope,
        success: true,
        matchIndex,
        conflictIndex: 0,
        conflictTerm: 0,
      };
    }
    case "installSnapshot":
      return { type: "installSnapshotResponse", ...envelope };
  }
}

export function isRequest(message: Message): message is Request {
  return (
    message.type === "requestVote" || message.type === "appendEntries" || message.type === "installSnapshot"
  );
}

export interface TestNode {
  readonly id: NodeId;
  readonly transport: ConnectTransport;
  readonly receiver: TestReceiver;
  readonly server: RpcServer;
  readonly port: number;
  readonly address: string;
  stop(): Promise<void>;
}

export interface TestNodeOptions {
  readonly port?: number;
  readonly peers?: ReadonlyMap<NodeId, string>;
  readonly limits?: Partial<Limits>;
  readonly serverLimits?: Partial<ServerLimits>;
  /** Default: as of ConnectTransport. */
  readonly streams?: boolean;
  readonly transport?: Partial<ConnectTransportOptions>;
  /** Default: a new one. */
  readonly receiver?: TestReceiver;
  /** Who serves HTTP/2. */
  readonly engine?: EngineName;
  /** Answer every request at once. Default false. */
  readonly agree?: boolean;
}

/** Deadlines that no slow machine passes, for tests about something else. */
export const PATIENT = {
  requestVoteMs: 20_000,
  appendEntriesMs: 20_000,
  installSnapshotMs: 20_000,
  handshakeMs: 20_000,
  snapshotIdleMs: 20_000,
};

/** A whole node on a free loopback port, started. */
export async function startNode(id: NodeId, options: TestNodeOptions = {}): Promise<TestNode> {
  const transport = new ConnectTransport({
    id,
    connect: nodePeerConnection,
    deadlines: PATIENT,
    ...(options.streams === undefined ? {} : { streams: options.streams }),
    ...options.transport,
    limits: { errorDelayMs: 0, ...options.limits },
  });
  transport.setPeers(options.peers ?? new Map());
  const receiver = options.receiver ?? new TestReceiver();
  if (options.agree === true) {
    receiver.onMessage = (message) => {
      if (isRequest(message)) transport.send(agree(message));
    };
    receiver.onSnapshot = (header) => transport.send(agree(header));
  }
  const server = serve({
    host: "127.0.0.1",
    port: options.port ?? 0,
    routes: (router) => transport.routes(router),
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(options.serverLimits === undefined ? {} : { limits: options.serverLimits }),
  });
  const { port } = await server.listening;
  await transport.start(receiver);
  return {
    id,
    transport,
    receiver,
    server,
    port,
    address: `127.0.0.1:${port}`,
    stop: async () => {
      await transport.stop();
      await server.close();
    },
  };
}

/** What a pair is made with that has only raftpb.RaftService. */
export const UNARY = { streams: false };

/** Server 1 and server 2, who know each other; 2 agrees with everything unless told otherwise. */
export async function startPair(
  first: TestNodeOptions = {},
  second: TestNodeOptions = { agree: true },
): Promise<{ one: TestNode; two: TestNode; stop: () => Promise<void> }> {
  const one = await startNode(1, first);
  const two = await startNode(2, second);
  one.transport.setPeers(new Map([[2, two.address]]));
  two.transport.setPeers(new Map([[1, one.address]]));
  return { one, two, stop: async () => void (await Promise.all([one.stop(), two.stop()])) };
}

export function voteRequest(fields: Partial<Extract<Message, { type: "requestVote" }>> = {}) {
  return {
    type: "requestVote",
    from: 1,
    to: 2,
    term: 5,
    sequence: 71,
    lastLogIndex: 9,
    lastLogTerm: 4,
    ...fields,
  } as const;
}

export function appendRequest(fields: Partial<Extract<Message, { type: "appendEntries" }>> = {}) {
  return {
    type: "appendEntries",
    from: 1,
    to: 2,
    term: 5,
    sequence: 72,
    prevLogIndex: 9,
    prevLogTerm: 4,
    leaderCommit: 9,
    entries: [],
    ...fields,
  } as const;
}

export function snapshotHeader(fields: Partial<InstallSnapshot> = {}): InstallSnapshot {
  return {
    type: "installSnapshot",
    from: 1,
    to: 2,
    term: 5,
    sequence: 73,
    lastIncludedIndex: 9,
    lastIncludedTerm: 4,
    ...fields,
  };
}

export async function* chunksOf(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** `count` entries after `prevLogIndex` in `term`, each with a command of `sizeBytes`. */
export function entriesAfter(prevLogIndex: number, count: number, sizeBytes: number, term = 5) {
  return Array.from({ length: count }, (_, i) => ({
    index: prevLogIndex + 1 + i,
    term,
    command: new Uint8Array(sizeBytes).fill(i + 1),
  }));
}
