import type { Clock } from "@eraft/core";
import { KvCallError, KvClient, type KvCondition } from "@eraft/kv";
import {
  HistoryRecorder,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
} from "@eraft/linearizability";
import { addressOf } from "./address.ts";
import { connectV1 } from "./rpc-v1.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

/** Callers of eraft.kv.v1 that share one key: they write it, delete it, compare and swap it, and read it, through the real `KvClient` with its sessions. */
export class Registers {
  readonly #world: World;
  readonly #servers: readonly Server[];
  readonly #recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  #texts = 0;
  #isOver = false;
  active = 0;

  constructor(world: World, servers: readonly Server[]) {
    this.#world = world;
    this.#servers = servers;
  }

  begin(): void {
    const callers = this.#world.plan.workload.registerCallers;
    for (let caller = 0; caller < callers; caller += 1) {
      this.active += 1;
      void this.#run(this.#newClient());
    }
  }

  /** Nobody begins anything any more. */
  end(): void {
    this.#isOver = true;
  }

  history(): Operation<RegisterInput, RegisterOutput>[] {
    return this.#recorder.operations();
  }

  #newClient(): KvClient {
    const { timeline, random, plan } = this.#world;
    const clock: Clock = {
      now: () => timeline.now,
      after: (ms, fn) => timeline.after(ms, "client timer", fn),
    };
    const byAddress = new Map(this.#servers.map((server) => [addressOf(server.id), server]));
    return new KvClient({
      addresses: random.clients.shuffle([...byAddress.keys()]),
      connect: (address) => connectV1(this.#world, byAddress.get(address) as Server),
      attemptTimeoutMs: plan.workload.attemptTimeoutMs,
      deadlineMs: Math.max(2000, plan.workload.deadlineMs),
      clock,
      random: () => random.clients.unit(),
    });
  }

  async #run(kv: KvClient): Promise<void> {
    const { timeline, random, judge, coverage, plan } = this.#world;
    let identity = this.#recorder.newClient();
    let last: RegisterValue = null;
    for (;;) {
      await timeline.sleep(random.clients.exponential(4 * plan.workload.thinkMsMean));
      if (this.#isOver) break;
      const input = this.#next(last);
      const pending = this.#recorder.call(identity, input);
      try {
        const output = await perform(kv, input);
        pending.ok(output);
        if (input.type === "read") last = output as RegisterValue;
        else if (input.type === "cas") coverage.hit(output === true ? "swapped" : "notSwapped");
        timeline.note(`register ${input.type}`, 0, timeline.now);
      } catch (error) {
        judge.check(error instanceof KvCallError, "Client Errors", () => String(error));
        if (error instanceof KvCallError && error.outcome === "not-done") {
          pending.failed();
          continue;
        }
        coverage.hit("outcomeUnknown");
        pending.unknown();
        identity = this.#recorder.newClient();
      }
    }
    this.active -= 1;
  }

  #next(last: RegisterValue): RegisterInput {
    const random = this.#world.random.clients;
    if (random.chance(0.4)) return { type: "read" };
    if (random.chance(0.2)) return { type: "write", value: null };
    this.#texts += 1;
    const value = `${this.#texts}`;
    return random.chance(0.6) ? { type: "cas", expected: last, value } : { type: "write", value };
  }
}

const KEY = "register";

async function perform(kv: KvClient, input: RegisterInput): Promise<RegisterOutput> {
  switch (input.type) {
    case "read": {
      const item = await kv.get(KEY);
      return item === null ? null : textOf(item.value);
    }
    case "write":
      if (input.value === null) await kv.delete(KEY);
      else await kv.put(KEY, String(input.value));
      return null;
    case "cas": {
      const { expected } = input;
      const condition: KvCondition =
        expected === null ? { key: KEY, exists: false } : { key: KEY, value: String(expected) };
      const swapped = await kv.batch([{ op: "put", key: KEY, value: String(input.value) }], {
        when: [condition],
      });
      return swapped.done;
    }
  }
}

function textOf(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
