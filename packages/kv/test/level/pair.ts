import type { AppliedCommand } from "@eraft/core";
import { type KvResult, KvStateMachine } from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import assert from "node:assert/strict";
import { pieces, seeded, snapshotOf } from "../support/commands.ts";
import { LevelDevice } from "./crash-level.ts";
import { RandomLog } from "./random-log.ts";

export const LIMITS = { maxSessions: 3, maxKeys: 40, maxHistoryChanges: 20, maxHistoryBytes: 4000 };
/** One server in memory that never fails, and one on a disk that is crashed again and again: nobody can tell them apart. */
export class Pair {
  readonly device = new LevelDevice();
  readonly log: AppliedCommand[] = [];
  readonly results: KvResult[] = [];
  readonly memory = new KvStateMachine(LIMITS);
  crashes = 0;
  replayed = 0;
  readonly #random: () => number;
  readonly #commands: RandomLog;
  #level!: LevelKvStateMachine;
  /** What the server on the disk has applied. */
  #applied = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#commands = new RandomLog(this.#random);
  }

  get level(): LevelKvStateMachine {
    return this.#level;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  async reopen(): Promise<void> {
    this.#level = new LevelKvStateMachine({
      db: this.device.database(),
      writeDelayMs: this.below(2) === 0 ? 0 : 10_000,
      ...LIMITS,
    });
    this.#applied = await this.#level.open();
    assert.ok(this.#applied <= this.log.length);
  }

  async propose(count: number): Promise<void> {
    const from = this.log.length;
    for (let index = from + 1; index <= from + count; index++) {
      this.log.push({ index, command: this.#commands.command(index) });
    }
    this.results.push(...(await this.memory.apply(this.log.slice(from))));
  }

  /** The server on the disk applies what it does not have, in batches of any size. */
  async catchUp(): Promise<void> {
    while (this.#applied < this.log.length) {
      const batch = this.log.slice(this.#applied, this.#applied + 1 + this.below(6));
      const results = await this.#level.apply(batch);
      assert.deepEqual(results, this.results.slice(this.#applied, this.#applied + batch.length));
      this.#applied += batch.length;
    }
  }

  async crash(): Promise<void> {
    const before = this.#applied;
    for (let turns = this.below(4); turns > 0; turns--)
      await new Promise((resolve) => void setImmediate(resolve));
    this.device.crash(() => this.below(2) === 0);
    this.crashes += 1;
    await this.reopen();
    this.replayed += Math.max(0, before - this.#applied);
  }

  async compare(): Promise<void> {
    for (let count = 0; count < 5; count++) {
      const query = this.#commands.query();
      assert.deepEqual(await this.#level.query(query as never), await this.memory.query(query as never));
    }
    assert.deepEqual(await snapshotOf(this.#level), await snapshotOf(this.memory));
    assert.deepEqual(this.#level.revision, this.memory.revision);
    assert.deepEqual(
      this.#level.history.changesOf(this.memory.revision),
      this.memory.history.changesOf(this.memory.revision),
    );
  }

  /** What a leader sends to a server that is far behind; perhaps it crashes while it takes it. */
  async install(): Promise<void> {
    await this.propose(5 + this.below(20));
    const snapshot = await snapshotOf(this.memory);
    const restoring = this.#level.restore(pieces(snapshot, 1 + this.below(2000)), this.log.length);
    if (this.below(2) === 0) {
      restoring.catch(() => {});
      const before = this.#applied;
      await this.crash();
      // The old state or a part of what was applied to it, or the new one.
      assert.ok(this.#applied <= before || this.#applied === this.log.length);
      return;
    }
    await restoring;
    this.#applied = this.log.length;
  }
}
