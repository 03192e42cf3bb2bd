import type { AppliedCommand, StateMachine } from "@eraft/core";
import { collect, pieces } from "../common/bytes.ts";
import { canonical } from "../common/canonical.ts";
import type { Witness } from "../common/witness.ts";
import type { StateMachineHarness } from "./harness.ts";

/** A state machine with a log in front of it, as one server of a cluster has it. */
export class Replica<Query, Result, Answer> {
  readonly machine: StateMachine<Query, Result, Answer>;
  readonly #harness: StateMachineHarness<Query, Result, Answer>;
  readonly #witness: Witness;
  #lastIndex = 0;

  private constructor(
    harness: StateMachineHarness<Query, Result, Answer>,
    witness: Witness,
    machine: StateMachine<Query, Result, Answer> = harness.create(),
  ) {
    this.#harness = harness;
    this.#witness = witness;
    this.machine = machine;
  }

  /** One that comes back over a disk, with what it says that it reflects. */
  static async reopen<Query, Result, Answer>(
    harness: StateMachineHarness<Query, Result, Answer>,
    witness: Witness,
    machine: StateMachine<Query, Result, Answer>,
  ): Promise<Replica<Query, Result, Answer>> {
    const replica = new Replica(harness, witness, machine);
    const index = await machine.open();
    witness.did(`open, which gives ${index}`);
    replica.#lastIndex = index;
    return replica;
  }

  /** A new one, opened. */
  static async open<Query, Result, Answer>(
    harness: StateMachineHarness<Query, Result, Answer>,
    witness: Witness,
  ): Promise<Replica<Query, Result, Answer>> {
    const replica = new Replica(harness, witness);
    witness.equal(await replica.machine.open(), 0, "what open of a new state machine gives");
    return replica;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** Gives `commands` the next indexes of the log. */
  number(commands: readonly Uint8Array[]): readonly AppliedCommand[] {
    return commands.map((command) => {
      this.#lastIndex += 1;
      return { index: this.#lastIndex, command };
    });
  }

  /** Entries without a command, as a new leader writes one, take indexes too. */
  skip(count: number): void {
    this.#lastIndex += count;
  }

  /** Applies `commands`, so many at a time, and returns one canonical result for each. */
  async apply(
    commands: readonly Uint8Array[],
    batchSize: number = commands.length,
  ): Promise<readonly string[]> {
    const results: string[] = [];
    for (let at = 0; at < commands.length; at += batchSize) {
      const batch = this.number(commands.slice(at, at + batchSize));
      this.#witness.did(`apply ${batch.length} commands from index ${batch[0]?.index}`);
      const some = await this.machine.apply(batch);
      this.#witness.equal(some.length, batch.length, `results for ${batch.length} commands`);
      for (let i = 0; i < batch.length; i += 1) results.push(canonical(some[i]));
    }
    return results;
  }

  /** The answers to all queries. */
  async answers(): Promise<readonly string[]> {
    const answers: string[] = [];
    for (const query of this.#harness.queries) answers.push(canonical(await this.machine.query(query)));
    return answers;
  }

  async snapshot(): Promise<Uint8Array> {
    this.#witness.did(`take a snapshot at index ${this.#lastIndex}`);
    return collect(this.machine.snapshot());
  }

  /** Replaces the state by a snapshot of the log up to `index`. */
  async restore(snapshot: Uint8Array, index: number, chunkBytes = 4096): Promise<void> {
    this.#witness.did(`restore ${snapshot.length} bytes that end at index ${index}`);
    await this.machine.restore(pieces(snapshot, chunkBytes), index);
    this.#lastIndex = index;
  }

  /** All that can be seen of the state without changing it. */
  async portrait(): Promise<readonly string[]> {
    const answers = await this.answers();
    if (this.#harness.supports?.equalSnapshots !== true) return answers;
    return [...answers, canonical(await collect(this.machine.snapshot()))];
  }

  /** Both look the same, and go on the same: state that no query shows appears in later results. */
  async expectTwin(twin: Replica<Query, Result, Answer>, what: string): Promise<void> {
    this.#witness.equal(await this.portrait(), await twin.portrait(), what);
    twin.skip(Math.max(0, this.#lastIndex - twin.lastIndex));
    this.skip(Math.max(0, twin.lastIndex - this.#lastIndex));
    const results = await this.apply(this.#harness.commands, 3);
    const expected = await twin.apply(this.#harness.commands);
    this.#witness.equal(results, expected, `${what}: the results of further commands`);
    this.#witness.equal(await this.portrait(), await twin.portrait(), `${what}: after further commands`);
  }
}
