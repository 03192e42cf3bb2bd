import { entryBytes } from "../../src/entry-size.ts";
import { Log } from "../../src/log.ts";
import { Dice } from "./dice.ts";
import { assert } from "./history.ts";
import { LogModel } from "./log-model.ts";
import { entriesOf } from "./messages.ts";

const EMPTY = { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [] };

/** A log and its model, driven by dice through everything the server does with a log. */
export class LogWalk {
  readonly log: Log;
  readonly model = new LogModel();
  readonly #dice: Dice;
  #writing = false;
  #restoring = false;
  #term = 1;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    // Small enough for some of the entries to be in blocks.
    this.log = new Log(EMPTY, { members: [] }, 1 + (seed % 3));
  }

  step(): void {
    const kind = this.#dice.roll(20);
    if (kind < 7) this.#append();
    else if (kind < 9) this.#truncate();
    else if (kind < 13) this.#takeUnwritten();
    else if (kind < 16) this.#finish();
    else if (kind < 17) this.#commit();
    else if (kind < 18) this.#compact();
    else if (kind < 19) this.#install();
    else this.#term += 1;
  }

  #append(): void {
    const [entry] = entriesOf([this.#term], this.log.lastIndex);
    if (entry === undefined) return;
    this.log.append(entry);
    this.model.append(entry);
  }

  #truncate(): void {
    const { committed, lastIndex } = this.model;
    if (lastIndex === committed) return;
    const first = committed + 1 + this.#dice.roll(lastIndex - committed);
    this.log.truncate(first);
    this.model.truncate(first);
    // Only another leader, of a later term, has other entries.
    this.#term += 1;
  }

  #takeUnwritten(): void {
    if (this.#writing || this.#restoring || !this.log.hasUnwritten) return;
    this.#writing = true;
    this.model.write(this.log.takeUnwritten());
  }

  #finish(): void {
    const operation = this.model.disk.finish();
    if (operation?.type === "restore") this.#restoring = false;
    if (operation?.type !== "write") return;
    this.#writing = false;
    this.log.written();
  }

  #commit(): void {
    const { committed } = this.model;
    this.model.committed = Math.max(
      committed,
      this.#restoring ? 0 : this.log.stableIndex - this.#dice.roll(3),
    );
    this.log.pack(this.model.committed);
  }

  #compact(): void {
    const { snapshot, committed } = this.model;
    if (committed <= snapshot.lastIncludedIndex || this.#restoring) return;
    const retention = {
      retainedBytes: this.#dice.pick([0, 60, 200]),
      maxRetainedBytes: this.#dice.pick([0, 100, 10_000]),
      neededAfter: this.#dice.pick([this.#dice.roll(committed + 1), Number.POSITIVE_INFINITY]),
    };
    const meta = { lastIncludedIndex: committed, lastIncludedTerm: this.log.knownTermAt(committed) };
    this.log.compact(meta, retention);
    this.model.compact(meta, this.log.baseIndex);
    assert(this.log.baseIndex <= committed, "compaction goes beyond the snapshot");
  }

  /** A snapshot of a log that agrees with this one up to some point at or above what is committed. */
  #install(): void {
    if (this.#restoring) return;
    const { committed, lastIndex, disk } = this.model;
    const lastIncludedIndex = committed + 1 + this.#dice.roll(4);
    const known = this.log.termAt(lastIncludedIndex);
    // As the entry here; as the one on disk, which has been replaced here; or another one.
    const stored = disk.termAt(lastIncludedIndex);
    const followsStored = stored !== undefined && this.model.agreesWithDisk < lastIncludedIndex;
    const choices = [known, followsStored ? stored : undefined, this.#term + 1].filter(
      (term) => term !== undefined,
    );
    const lastIncludedTerm = this.#dice.pick(choices);
    if (lastIncludedTerm > this.#term) this.#term = lastIncludedTerm;
    const meta = { lastIncludedIndex, lastIncludedTerm };
    this.log.install(meta);
    this.model.install(meta);
    this.model.disk.begin({ type: "restore", snapshot: { meta, commands: [] } });
    this.#restoring = true;
    this.#term = Math.max(this.#term, this.log.lastTerm) + (lastIndex > this.log.lastIndex ? 1 : 0);
  }

  check(): void {
    const { log, model } = this;
    assert(log.lastIndex === model.lastIndex, `lastIndex ${log.lastIndex}`);
    assert(log.lastTerm === model.lastTerm, `lastTerm ${log.lastTerm}`);
    assert(log.baseIndex === model.base, `baseIndex ${log.baseIndex}`);
    assert(
      log.snapshot.lastIncludedIndex === model.snapshot.lastIncludedIndex &&
        log.snapshot.lastIncludedTerm === model.snapshot.lastIncludedTerm,
      "another snapshot",
    );
    let bytes = 0;
    for (let index = 0; index <= model.lastIndex + 1; index += 1) {
      assert(log.termAt(index) === model.termAt(index), `termAt(${index})`);
    }
    for (const entry of log.slice(log.baseIndex + 1, log.lastIndex)) bytes += entryBytes(entry);
    assert(log.bytes === bytes, `bytes ${log.bytes}`);
    assert(log.bytesBetween(0, Infinity) === bytes, "bytesBetween");
    // Never may more count as durable than is; while a snapshot is being installed nothing counts at all.
    assert(
      this.#restoring || log.stableIndex <= model.agreesWithDisk,
      `${log.stableIndex} counts as durable`,
    );
  }

  /** Everything written: log and disk must be the same. */
  checkAtRest(): void {
    while (this.model.disk.isBusy) this.#finish();
    this.#takeUnwritten();
    this.#finish();
    assert(!this.log.hasUnwritten, "something is left to write");
    assert(this.log.stableIndex === this.log.lastIndex, `only ${this.log.stableIndex} counts as durable`);
    assert(this.model.disk.lastIndex === this.log.lastIndex, `the disk ends at ${this.model.disk.lastIndex}`);
    assert(this.model.agreesWithDisk === this.log.lastIndex, "the disk has another log");
  }
}
