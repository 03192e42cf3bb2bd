import type { Fields } from "./protobuf.ts";

/** A unary method of a key-value service, as seen by a load generator. */
export interface Method {
  /** "/package.Service/Method". */
  readonly path: string;
  encode(key: string, value: Buffer): Buffer;
  /** What went wrong by the answer itself; null if the request was done. A status other than OK never gets here. */
  refusal(answer: Fields): string | null;
  /** For reads. Null if there is no such key. */
  value(answer: Fields): Buffer | null;
  /**
   * Whether `bytes` of answers, each with its frame, may be what `requests` answers say that were all done: `valueBytes` each where they carry values.
   * A generator that cannot look into answers, as h2load, is held to this.
   */
  fits(bytes: number, requests: number, valueBytes: number): boolean;
}

export interface NodeState {
  readonly isLeader: boolean;
  /** Grows by one with every write that is done; other things may count as well. */
  readonly writes: bigint;
}

/** What one node of a cluster of this kind is started with. */
export interface NodePlan {
  readonly id: number;
  readonly dir: string;
  readonly clientPorts: readonly number[];
  readonly peerPorts: readonly number[];
  /** The log is never compacted. */
  readonly keepsLog: boolean;
  /** A snapshot is taken early and little of the log is kept, so that a node that comes back needs one. It tells of it when it has got it. */
  readonly compactsEarly: boolean;
}

export interface LaunchCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** A replicated key-value store that can be measured. */
export interface KvSystem {
  readonly name: "eraft" | "etcd";
  readonly version: string;
  readonly put: Method;
  readonly get: Method;
  /** Asks a node about itself. `message` is empty. */
  readonly stateOf: { readonly path: string; read(answer: Fields): NodeState };
  /** A get that the node answers by itself, from a state that may be old. */
  readonly staleGet: Method & { readonly headers: Readonly<Record<string, string>> };
  /** What a node with `compactsEarly` says when it has got a snapshot from its leader. */
  readonly snapshotTold: RegExp;
  launch(plan: NodePlan): LaunchCommand;
}
