import {
  type KvConsistency,
  type KvNode,
  type KvNodeStatus,
  type KvQuery,
  KvStateMachine,
  type KvStateMachineOptions,
  type WaitSignal,
} from "@eraft/kv";

/** A cluster of one that is always right: applies what is proposed at once, and keeps what it was asked. */
export class FakeNode implements KvNode {
  readonly machine: KvStateMachine;
  readonly proposed: Uint8Array[] = [];
  readonly queries: KvQuery[] = [];
  /** Of each query. */
  readonly consistencies: (KvConsistency | undefined)[] = [];
  readonly signals: WaitSignal[] = [];
  /** Happens before anything is done; may throw, or take its time. */
  before: () => Promise<void> | void = () => {};
  /** Happens after it was done. */
  after: () => Promise<void> | void = () => {};
  state: KvNodeStatus = {
    id: 2,
    role: "leader",
    term: 7,
    lastApplied: 5,
    commitIndex: 6,
    storageBytes: 4096,
  };

  constructor(options: KvStateMachineOptions = {}) {
    this.machine = new KvStateMachine(options);
  }

  async propose(command: Uint8Array, options?: { signal?: WaitSignal }): Promise<unknown> {
    await this.#begin(options?.signal);
    this.proposed.push(command);
    const [result] = await this.machine.apply([{ index: this.proposed.length, command }]);
    await this.after();
    return result;
  }

  async read(
    query: KvQuery,
    options?: { signal?: WaitSignal; consistency?: KvConsistency },
  ): Promise<unknown> {
    await this.#begin(options?.signal);
    this.queries.push(query);
    this.consistencies.push(options?.consistency);
    const value = await this.machine.query(query);
    await this.after();
    return value;
  }

  status(): KvNodeStatus {
    return this.state;
  }

  async #begin(signal: WaitSignal | undefined): Promise<void> {
    if (signal !== undefined) this.signals.push(signal);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    signal?.addEventListener("abort", () => reject(signal.reason));
    await Promise.race([this.before(), aborted]);
  }
}

/** A promise that never settles. */
export function never(): Promise<never> {
  return new Promise(() => {});
}
