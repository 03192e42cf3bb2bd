import { createHash } from "node:crypto";
import { CrashDisk, type DiskImage, type DiskOperation, crashImages } from "@eraft/conformance";
import { WalStorage, dumpWal } from "../../src/index.ts";
import { type Step, openState } from "../model.ts";
import { twinOf } from "./actions.ts";
import { DIR, Life } from "./life.ts";
import { Random } from "./random.ts";
import { NOTHING, type Stored, textOf } from "./stored.ts";

/** What was gone through. */
export interface Tally {
  /** Points in time times what a power loss may leave at each. */
  states: number;
  /** Of those, the ones with different bytes: each has been reopened. */
  images: number;
  lives: number;
  operations: number;
  /** Points at which the power went. */
  points: number;
  /** Of images, by what the power loss interrupted, or by what the reopening had to do. */
  readonly kinds: Map<string, number>;
  readonly actions: Map<string, number>;
}

export function newTally(): Tally {
  return { states: 0, images: 0, lives: 0, operations: 0, points: 0, kinds: new Map(), actions: new Map() };
}

const LIVES = 4;

/**
 * A disk with several lives: each ends with a power loss, of which all consequences are tried, and goes on from one of them. Stops early
 * once `done` says so.
 */
export async function explore(seed: number, tally: Tally, done: () => boolean = () => false): Promise<void> {
  const random = new Random(seed);
  let survivor: Survivor = { image: new Map(), stored: NOTHING, lost: null };
  for (let life = 1; life <= LIVES && !done(); life += 1) {
    const current = new Life(random, survivor.image, survivor.stored);
    const options = {
      sectorBytes: random.pick([512, 512, 128, 64]),
      exhaustiveUnits: random.pick([2, 3, 4, 6]),
    };
    try {
      await current.run(twinOf(survivor.lost, survivor.stored), random.between(3, 8));
      survivor = await judgeAll(current, options, random, tally, done);
    } catch (error) {
      const where = `seed ${seed}, life ${life}, sectors of ${options.sectorBytes} bytes`;
      throw new Error(`${where}: ${messageOf(error)}`, { cause: error });
    }
    tally.lives += 1;
    tally.operations += current.disk.operations.length;
    addAll(tally.actions, current.actions);
  }
}

interface Survivor {
  readonly image: DiskImage;
  readonly stored: Stored;
  /** The step that the power loss interrupted, if nothing of it is left. */
  readonly lost: Step | null;
}

/** Reopens whatever a power loss may leave, and returns one of those disks, drawn at random, to go on with. */
async function judgeAll(
  life: Life,
  options: { sectorBytes: number; exhaustiveUnits: number },
  random: Random,
  tally: Tally,
  done: () => boolean,
): Promise<Survivor> {
  const { disk, history } = life;
  const known = new Map<string, Stored>();
  let survivor: Survivor = { image: disk.image(), stored: history.current, lost: null };
  let lastPoint = -1;
  for (const { after, image, fingerprint } of crashImages(disk, options)) {
    if (after !== lastPoint) tally.points += 1;
    lastPoint = after;
    tally.states += 1;
    const key = createHash("sha1").update(fingerprint, "latin1").digest("latin1");
    let stored = known.get(key);
    if (stored === undefined) {
      if (done()) break;
      stored = await reopened(life, after, image, tally);
      known.set(key, stored);
      tally.images += 1;
      if (random.oneIn(known.size)) {
        const lost = stored === history.allowed(after)[0] ? history.stepAt(after) : null;
        survivor = { image, stored, lost };
      }
    } else if (!history.allowed(after).includes(stored) && history.find(textOf(stored), after) === null) {
      throw new Error(await story(life, after, image, textOf(stored)));
    }
  }
  return survivor;
}

async function reopened(life: Life, after: number, image: DiskImage, tally: Tally): Promise<Stored> {
  const { history } = life;
  const disk = new CrashDisk(image);
  let found: string;
  try {
    found = await openState(new WalStorage({ dir: DIR, segmentBytes: 1024, fileSystem: disk }));
  } catch (error) {
    throw new Error(await story(life, after, image, messageOf(error)), { cause: error });
  }
  const stored = history.find(found, after);
  if (stored === null) throw new Error(await story(life, after, image, found));
  add(tally.kinds, `during: ${history.kindAt(after)}`);
  for (const cleaning of cleaningsOf(disk.operations)) add(tally.kinds, `cleaned: ${cleaning}`);
  const certain = history.allowed(after)[0];
  add(tally.kinds, stored === certain ? "found: what was acknowledged" : "found: also what was under way");
  return stored;
}

/** What an open had to do. */
function cleaningsOf(operations: readonly DiskOperation[]): ReadonlySet<string> {
  const cleanings = new Set<string>();
  for (const operation of operations) {
    if (operation.type === "rename") cleanings.add("began a segment");
    if (operation.type === "remove") {
      const temporary = operation.path.endsWith(".tmp");
      cleanings.add(temporary ? "removed an unfinished file" : "removed a superfluous file");
    }
    if (operation.type === "write" && operation.bytes.every((byte) => byte === 0)) {
      cleanings.add("wiped a torn tail");
    }
  }
  if (cleanings.size === 0) cleanings.add("nothing");
  return cleanings;
}

/** All that is needed to see what went wrong. */
async function story(life: Life, after: number, image: DiskImage, found: string): Promise<string> {
  const allowed = life.history.allowed(after).map(textOf);
  const lines = [
    `a power loss after operation ${after} of ${life.disk.operations.length} (${life.history.kindAt(after)}) leaves`,
    found,
    ...allowed.flatMap((text) => ["where this is allowed:", text]),
    "the directory:",
  ];
  for await (const line of dumpWal(DIR, new CrashDisk(image))) lines.push(line);
  return lines.join("\n");
}

export function add(counts: Map<string, number>, kind: string, times = 1): void {
  counts.set(kind, (counts.get(kind) ?? 0) + times);
}

export function addAll(counts: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [kind, times] of more) add(counts, kind, times);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
