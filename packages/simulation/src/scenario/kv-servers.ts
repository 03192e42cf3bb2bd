import type { Clock, Entry, LogIndex, NodeId, Outcome } from "@eraft/core";
import { KvStateMachine, type KvResult } from "@eraft/kv";
import type { MachineState } from "../cluster/machine.ts";
import type { Node } from "../cluster/node.ts";
import { mustHold } from "../violation.ts";
import type { Application, VirtualCluster } from "./virtual-cluster.ts";
import type { Work } from "./work.ts";

/** What a client asks of a server. A read takes no log entry (6.4); its key is not in a command. */
export type KvRequest =
  | { readonly type: "write"; readonly command: Uint8Array }
  | { readonly type: "read"; readonly key: string };

export type KvReply =
  /** Done; the value of a read, null for an absent key and for a write. */
  | { readonly type: "ok"; readonly value: string | null }
  /** Not done here; `leaderId` is who may know better. */
  | { readonly type: "retry"; readonly leaderId: NodeId | null };

interface Waiting {
  readonly request: KvRequest;
  readonly answer: (reply: KvReply) => void;
}

/** One start of one server. */
interface Process {
  readonly machine: KvStateMachine;
  readonly waiting: Map<number, Waiting>;
  /** Writes that are committed and not yet applied. */
  readonly committed: Map<LogIndex, Waiting>;
}

/** Waiting for the platform's event loop would let real time into a run. */
const clock: Clock = {
  now: () => 0,
  after: (_, fn) => {
    queueMicrotask(fn);
    return () => undefined;
  },
};

/**
 * The real key-value state machine on every server of a cluster. Its methods are asynchronous, so virtual time stands still while one of them
 * works: apply, query, snapshot and restore each take no time, and nothing happens beside them.
 */
export class KvServers implements Application {
  /** Bytes of the newest snapshot that each server stored or installed. */
  readonly snapshotBytes: number[] = [];
  readonly #processes: Process[] = [];
  /** A simulated disk and network carry a snapshot as the state of the simulated machine. This is what it stands for. */
  readonly #snapshots = new WeakMap<MachineState, readonly Uint8Array[]>();
  #requests = 0;

  /** Hands `request` to `node`, which is up. Answers once at most: a crash takes the question with it. */
  serve(world: VirtualCluster, node: NodeId, request: KvRequest, answer: (reply: KvReply) => void): Work {
    this.#requests += 1;
    const id = this.#requests;
    this.#process(node).waiting.set(id, { request, answer });
    return world.perform(
      request.type === "read"
        ? { type: "read", node, id }
        : { type: "propose", node, id, command: request.command },
    );
  }

  /** The state of `node` as a snapshot has it. */
  async state(node: NodeId): Promise<Uint8Array> {
    return joined(await collect(this.#process(node).machine.snapshot()));
  }

  started(node: Node): Work {
    // The labs' servers have no watches: what their snapshots are held to is the size of keys and sessions, not of what watches may still ask for.
    const machine = new KvStateMachine({ clock, maxHistoryChanges: 1 });
    this.#processes[node.id] = { machine, waiting: new Map(), committed: new Map() };
    return node.disk.snapshot === null ? undefined : this.#restore(node);
  }

  async apply({ id }: Node, entries: readonly Entry[]): Promise<void> {
    const { machine, committed } = this.#process(id);
    // A leader's no-op is not for the state machine.
    const commands = entries.filter(({ command }) => command.length > 0);
    const results = await machine.apply(commands);
    for (const [at, { index }] of commands.entries()) {
      const waiting = committed.get(index);
      committed.delete(index);
      waiting?.answer(replyTo(results[at]));
    }
  }

  async snapshot({ id, machine }: Node): Promise<void> {
    const chunks = await collect(this.#process(id).machine.snapshot());
    this.#snapshots.set(machine, chunks);
    this.snapshotBytes[id] = sizeOf(chunks);
  }

  installed(node: Node): Work {
    return this.#restore(node);
  }

  outcome({ id: node }: Node, outcome: Outcome): Work {
    const { waiting, committed } = this.#process(node);
    const asked = waiting.get(outcome.id);
    if (asked === undefined) throw new Error(`an outcome of request ${outcome.id}, which was not made`);
    waiting.delete(outcome.id);
    switch (outcome.type) {
      case "committed":
        committed.set(outcome.index, asked);
        return undefined;
      case "readable":
        return this.#query(node, asked);
      case "notLeader":
      case "unknown":
        asked.answer({ type: "retry", leaderId: outcome.leaderId });
        return undefined;
      case "busy":
      case "transferring":
        asked.answer({ type: "retry", leaderId: node });
        return undefined;
      case "changePending":
      case "refused":
      case "changed":
      case "transferred":
      case "transferFailed":
        throw new Error(`an outcome ${outcome.type}, which nobody asked for`);
    }
  }

  async #query(node: NodeId, { request, answer }: Waiting): Promise<void> {
    if (request.type !== "read") throw new Error("a write was answered as a read");
    const value = await this.#process(node).machine.query({ key: request.key });
    answer({ type: "ok", value: typeof value === "string" ? value : null });
  }

  async #restore({ id, machine, disk }: Node): Promise<void> {
    const chunks = this.#snapshots.get(machine);
    if (chunks === undefined) throw new Error(`server ${id} has a snapshot that nobody made`);
    await this.#process(id).machine.restore(iterate(chunks), disk.snapshotIndex);
    this.snapshotBytes[id] = sizeOf(chunks);
  }

  #process(node: NodeId): Process {
    const process = this.#processes[node];
    if (process === undefined) throw new Error(`server ${node} was never started`);
    return process;
  }
}

function replyTo(result: KvResult | undefined): KvReply {
  mustHold(result?.status === "ok", "KV Result", () => `a write gives ${JSON.stringify(result)}`);
  return { type: "ok", value: null };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const collected = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(sizeOf(chunks));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
