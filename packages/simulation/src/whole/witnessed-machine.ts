import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import {
  type ChangeSource,
  decodeCommand,
  decodeWrites,
  type HistoryView,
  isLoggedWrites,
  type KvAnswer,
  type KvQuery,
  type KvResult,
  KvStateMachine,
} from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import { hashOf } from "../random.ts";
import { digestBytes } from "./chronicle.ts";
import type { DurableDisk } from "./durable-disk.ts";
import type { Life } from "./life.ts";
import { SimulatedLevel } from "./simulated-level.ts";
import type { World } from "./world.ts";

/** States are compared byte for byte at every so many commands, and wherever a server takes a snapshot. */
const COMMANDS_PER_VIEW = 32;

/** What tells whether a write is one that was there before. */
function namesOf(command: Uint8Array): string[] {
  if (isLoggedWrites(command)) {
    const { writes } = decodeWrites(command) ?? { writes: [] };
    return writes.flatMap(({ serial }) =>
      serial === null ? [] : [`session ${serial.sessionId}/${serial.sequence}`],
    );
  }
  const { clientId, commandId } = decodeCommand(command) ?? { clientId: 0n, commandId: 0n };
  return [`${clientId}/${commandId}`];
}

/**
 * The real key-value state machine, and somebody who takes notes of all that it is given and gives. With a disk of its own it stores state and index together,
 * after each batch and after each restore, and acknowledges neither before. On a database it is the state machine that has one, and that decides itself when it writes.
 */
export class WitnessedStateMachine implements StateMachine<KvQuery, KvResult, KvAnswer>, ChangeSource {
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: DurableDisk;
  readonly #kv: StateMachine<KvQuery, KvResult, KvAnswer> & ChangeSource;
  /** What was applied is on the disk, if that is its own, and no timer is left. */
  readonly close: () => Promise<void>;
  readonly #applied = new Set<number>();
  /** Of the chronicle. */
  #position = 0;
  #index: LogIndex = 0;

  constructor(world: World, life: Life, disk: DurableDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
    const options = { clock: life.clock, maxSessions: 4096, maxKeys: 64 };
    const { ownDisk, writeDelayMs } = world.plan.node;
    if (ownDisk === "level") {
      const db = new SimulatedLevel(world, life, disk);
      const kv = new LevelKvStateMachine({ ...options, db, writeDelayMs });
      this.#kv = kv;
      this.close = () => kv.close();
    } else {
      this.#kv = new KvStateMachine(options);
      this.close = async () => {};
    }
  }

  get history(): HistoryView {
    return this.#kv.history;
  }

  onChange(listener: () => void): () => void {
    return this.#kv.onChange(listener);
  }

  async open(): Promise<LogIndex> {
    const { snapshotIndex } = this.#disk;
    const index = await this.#openState();
    if (index === 0) return 0;
    if (this.#world.plan.node.ownDisk === "level") this.#world.coverage.hit("stateInDatabase");
    this.#position = this.#world.chronicle.positionAfter(index);
    this.#index = index;
    if (index > snapshotIndex) this.#world.coverage.hit("stateAheadOfSnapshot");
    if (index < snapshotIndex) this.#world.coverage.hit("stateBehindSnapshot");
    return index;
  }

  async #openState(): Promise<LogIndex> {
    const { state } = this.#disk;
    if (state === null) return this.#kv.open();
    await this.#kv.restore(inOnePiece(state.bytes), state.index);
    return state.index;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly KvResult[]> {
    const { applyMsMean } = this.#world.plan.node;
    const results: KvResult[] = [];
    for (const command of commands) {
      // Queries, and everything else in the process, may come between two commands of a batch.
      if (applyMsMean > 0) {
        await this.#wait(this.#world.random.disk.exponential(applyMsMean / commands.length));
      }
      const [result] = await this.#kv.apply([command]);
      if (result === undefined) throw new Error("the state machine gave no result");
      results.push(result);
      if (!this.#life.isOver) await this.#witness(command, result);
    }
    await this.#store(commands.at(-1)?.index ?? 0);
    return results;
  }

  async query(query: KvQuery): Promise<KvAnswer> {
    return this.#kv.query(query);
  }

  snapshot(): AsyncIterable<Uint8Array> {
    return this.#noted(this.#kv.snapshot(), this.#position);
  }

  async restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void> {
    let digest: number | undefined;
    async function* read(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        digest = digestBytes(chunk, digest);
        yield chunk;
      }
    }
    await this.#kv.restore(read(), lastIncludedIndex);
    await this.#store(lastIncludedIndex);
    if (this.#life.isOver) return;
    const { chronicle, timeline } = this.#world;
    timeline.note("restore", this.#life.server, lastIncludedIndex);
    chronicle.isSnapshot(this.#life.server, lastIncludedIndex, digest ?? 0);
    this.#position = chronicle.positionAfter(lastIncludedIndex);
    this.#index = lastIncludedIndex;
  }

  /** Whether this process has applied `command` itself. */
  hasApplied(command: Uint8Array): boolean {
    return this.#applied.has(digestBytes(command));
  }

  /** The digest of the state as it is. */
  async digest(): Promise<number> {
    let digest: number | undefined;
    for await (const chunk of this.#kv.snapshot()) digest = digestBytes(chunk, digest);
    return digest ?? 0;
  }

  async #witness({ index, command }: AppliedCommand, result: KvResult): Promise<void> {
    const { chronicle, judge, timeline } = this.#world;
    const { server } = this.#life;
    const isFirst = this.#position === chronicle.length;
    judge.check(
      index > this.#index,
      "Applied In Order",
      () => `${server} applies ${index} after ${this.#index}`,
    );
    const applied = { index, command: digestBytes(command), result: hashOf(JSON.stringify(result)) };
    this.#applied.add(applied.command);
    chronicle.applies(server, this.#position, applied);
    for (const name of namesOf(command)) chronicle.commits(name, isFirst);
    timeline.note("apply", server, index);
    this.#position += 1;
    this.#index = index;
    if (this.#position % COMMANDS_PER_VIEW === 0)
      chronicle.views(server, this.#position, await this.digest());
  }

  /** Resolves once state and index will survive a crash; until then the crash has either, whole. */
  async #store(index: LogIndex): Promise<void> {
    const { plan, random } = this.#world;
    if (plan.node.ownDisk !== "whole" || this.#life.isOver) return;
    const pieces: Uint8Array[] = [];
    for await (const chunk of this.#kv.snapshot()) pieces.push(chunk);
    const write = (): void => {
      this.#disk.state = { index, bytes: join(pieces) };
    };
    await this.#boundary("before the state is stored");
    const { ended } = this.#disk.begin(write);
    await this.#wait(random.disk.exponential(plan.disk.writeMsMean));
    ended();
    write();
    await this.#boundary("after the state is stored");
  }

  /** A place to crash. Nothing goes on behind it in a life that is over. */
  #boundary(where: string): Promise<void> {
    const isOver = this.#life.isOver || this.#world.boundary(this.#life, where);
    return isOver ? new Promise<void>(() => {}) : Promise.resolve();
  }

  async *#noted(chunks: AsyncIterable<Uint8Array>, position: number): AsyncGenerator<Uint8Array> {
    let digest: number | undefined;
    const { chronicle } = this.#world;
    // One ahead: whoever has the last chunk may commit, and is then asked what the state was.
    let previous: Uint8Array | null = null;
    for await (const chunk of chunks) {
      if (previous !== null) yield previous;
      digest = digestBytes(chunk, digest);
      previous = chunk;
    }
    chronicle.views(this.#life.server, position, digest ?? 0);
    if (previous !== null) yield previous;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#life.clock.after(ms, resolve));
  }
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
