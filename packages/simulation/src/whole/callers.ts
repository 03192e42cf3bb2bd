import type { Clock } from "@eraft/core";
import { KvCallError, KvraftClient } from "@eraft/kv";
import { HistoryRecorder, type KvInput, type KvOutput, type Operation } from "@eraft/linearizability";
import { connectTo } from "./rpc.ts";
import { addressOf } from "./address.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

/** How callers behave when the cluster is to show that it serves. */
const EAGER = { thinkMs: 5, deadlineMs: 20_000, attemptTimeoutMs: 5000, reads: 0.5 };

/** Calls of the key-value store, through the real `KvraftClient`: many at a time, each recorded from before it was sent until it was answered. */
export class Callers {
  readonly #world: World;
  readonly #servers: readonly Server[];
  #clients: readonly KvraftClient[] = [];
  readonly #recorder = new HistoryRecorder<KvInput, KvOutput>();
  readonly #stale: { readonly key: string; readonly value: string }[] = [];
  #isEager = false;
  #isOver = false;
  #texts = 0;
  #clientIds = 0n;
  /** Callers that have an operation under way, or will have one. */
  active = 0;
  hasReadAll = false;
  writes = 0;
  reads = 0;
  unknown = 0;

  constructor(world: World, servers: readonly Server[]) {
    this.#world = world;
    this.#servers = servers;
  }

  begin(): void {
    const { callers, attemptTimeoutMs, deadlineMs } = this.#world.plan.workload;
    this.#clients = this.#newClients(attemptTimeoutMs, deadlineMs);
    for (let caller = 0; caller < callers; caller += 1) {
      this.active += 1;
      void this.#run(caller);
    }
  }

  /**
   * From now on nobody pauses, and everybody waits patiently: a client that asks again every 150 ms overruns a cluster that is configured to replicate
   * one entry at a time, and then no healing helps.
   */
  beEager(): void {
    this.#isEager = true;
    this.#clients = this.#newClients(EAGER.attemptTimeoutMs, EAGER.deadlineMs);
  }

  /** Nobody begins anything any more. */
  end(): void {
    this.#isOver = true;
  }

  /** One last caller reads every key: whatever was acknowledged must be there at the end. */
  async readAll(): Promise<void> {
    this.active += 1;
    const identity = this.#recorder.newClient();
    for (let number = 0; number < this.#world.plan.workload.keys; number += 1) {
      for (const key of [`log ${number}`, `key ${number}`]) {
        const pending = this.#recorder.call(identity, { type: "get", key });
        const value = await (this.#clients[0] as KvraftClient).get(key);
        pending.ok(value);
        if (key.startsWith("log")) this.#checkStale(key, value ?? "");
      }
    }
    this.active -= 1;
    this.hasReadAll = true;
  }

  history(): Operation<KvInput, KvOutput>[] {
    return this.#recorder.operations();
  }

  #newClients(attemptTimeoutMs: number, deadlineMs: number): readonly KvraftClient[] {
    const { sharesClient, callers } = this.#world.plan.workload;
    const clients = sharesClient ? 1 : callers;
    return Array.from({ length: clients }, () => this.#newClient(attemptTimeoutMs, deadlineMs));
  }

  #newClient(attemptTimeoutMs: number, deadlineMs: number): KvraftClient {
    const { timeline, random } = this.#world;
    const clock: Clock = {
      now: () => timeline.now,
      after: (ms, fn) => timeline.after(ms, "client timer", fn),
    };
    const byAddress = new Map(this.#servers.map((server) => [addressOf(server.id), server]));
    return new KvraftClient({
      addresses: random.clients.shuffle([...byAddress.keys()]),
      connect: (address) => connectTo(this.#world, byAddress.get(address) as Server),
      attemptTimeoutMs,
      deadlineMs,
      clock,
      random: () => random.clients.unit(),
      newClientId: () => (this.#clientIds += 1n),
    });
  }

  async #run(caller: number): Promise<void> {
    const { timeline, random, plan, judge } = this.#world;
    let identity = this.#recorder.newClient();
    for (;;) {
      const thinkMs = this.#isEager ? EAGER.thinkMs : plan.workload.thinkMsMean;
      await timeline.sleep(random.clients.exponential(thinkMs));
      if (this.#isOver) break;
      const input = this.#next();
      if (input.type === "get" && random.clients.chance(plan.workload.staleReads)) {
        await this.#readStale(caller, input.key);
        continue;
      }
      const pending = this.#recorder.call(identity, input);
      try {
        const kv = this.#clients[caller % this.#clients.length] as KvraftClient;
        pending.ok(await this.#perform(kv, input));
        this.#answered(input);
      } catch (error) {
        judge.check(error instanceof KvCallError, "Client Errors", () => String(error));
        if (error instanceof KvCallError && error.outcome === "not-done") {
          this.#world.coverage.hit("certainlyNotDone");
          pending.failed();
          continue;
        }
        this.unknown += 1;
        this.#world.coverage.hit("outcomeUnknown");
        timeline.note("unknown", identity);
        pending.unknown();
        identity = this.#recorder.newClient();
      }
    }
    this.active -= 1;
  }

  #answered(input: KvInput): void {
    if (input.type === "get") this.reads += 1;
    else this.writes += 1;
    this.#world.timeline.note(`${input.type} ${input.key}`, 0, this.#world.timeline.now);
  }

  /** What is read is what was there at some time, and so the beginning of what is there at the end. */
  async #readStale(caller: number, key: string): Promise<void> {
    const kv = this.#clients[caller % this.#clients.length] as KvraftClient;
    try {
      const value = await kv.get(key, { consistency: "stale" });
      if (key.startsWith("log") && value !== null) this.#stale.push({ key, value });
    } catch (error) {
      this.#world.judge.check(error instanceof KvCallError, "Client Errors", () => String(error));
    }
  }

  #checkStale(key: string, final: string): void {
    for (const { value } of this.#stale.filter((read) => read.key === key)) {
      this.#world.judge.check(
        final.startsWith(value),
        "Stale Is Not Wrong",
        () => `${key} was ${value} for a stale read, and is ${final}`,
      );
    }
  }

  /** Keys that begin with "log" are only appended to: each text that was acknowledged must be there once, for ever. */
  #next(): KvInput {
    const random = this.#world.random.clients;
    const { keys, reads } = this.#world.plan.workload;
    const number = random.integer(0, keys - 1);
    const isLog = random.chance(0.5);
    const key = isLog ? `log ${number}` : `key ${number}`;
    if (random.chance(this.#isEager ? EAGER.reads : reads)) return { type: "get", key };
    this.#texts += 1;
    const value = `${this.#texts};`;
    return { type: isLog || random.chance(0.4) ? "append" : "put", key, value };
  }

  async #perform(kv: KvraftClient, input: KvInput): Promise<KvOutput> {
    switch (input.type) {
      case "get": {
        const { leaseReads } = this.#world.plan.workload;
        const isLease = this.#world.random.clients.chance(leaseReads);
        return kv.get(input.key, { consistency: isLease ? "lease" : "linearizable" });
      }
      case "put":
        await kv.put(input.key, input.value);
        return null;
      case "append":
        await kv.append(input.key, input.value);
        return null;
    }
  }
}
