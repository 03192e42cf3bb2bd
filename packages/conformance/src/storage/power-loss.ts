import { canonical } from "../common/canonical.ts";
import { ConformanceError, type Witness } from "../common/witness.ts";
import type { Crash, RecordedDevice, StorageSite } from "./harness.ts";
import type { Contents } from "./model.ts";
import { type Step, describeStep } from "./steps.ts";
import { Subject } from "./subject.ts";

/** What a storage holds after a step, and which operations of its device had been done when the step began and when it was acknowledged. */
interface Milestone {
  readonly contents: Contents;
  readonly begun: number;
  readonly acknowledged: number;
  /** The step itself, and how long the story was when it had been taken. */
  readonly step: string;
  readonly told: number;
}

/** Each is compared with many others. */
const texts = new WeakMap<Contents, string>();

/** Equal for equal contents. */
export function textOf(contents: Contents): string {
  const known = texts.get(contents);
  if (known !== undefined) return known;
  const text = canonical(contents);
  texts.set(contents, text);
  return text;
}

/** A workload that has been run on a recorded device. */
export class Recording {
  readonly device: RecordedDevice;
  readonly #milestones: readonly Milestone[];

  private constructor(device: RecordedDevice, milestones: readonly Milestone[]) {
    this.device = device;
    this.#milestones = milestones;
  }

  /** Takes `steps` on the open storage of `subject`. */
  static async of(subject: Subject, steps: readonly Step[]): Promise<Recording> {
    const device = deviceOf(subject.site, subject.witness);
    const now = device.operations();
    const milestones = [
      {
        contents: subject.model.contents(),
        begun: now,
        acknowledged: now,
        step: "what was there before",
        told: subject.witness.steps,
      },
    ];
    for (const step of steps) {
      const begun = device.operations();
      await subject.take(step);
      milestones.push({
        contents: subject.model.contents(),
        begun,
        acknowledged: device.operations(),
        step: describeStep(step),
        told: subject.witness.steps,
      });
    }
    return new Recording(device, milestones);
  }

  /**
   * What a storage may hold after a crash: everything that was acknowledged, and of a step that was under way all or nothing.
   * The first is the certain one.
   */
  allowed(after: number): readonly Milestone[] {
    const certain = this.#milestones.findLastIndex(({ acknowledged }) => acknowledged <= after);
    return this.#milestones.filter(
      (milestone, i) => i === certain || (i > certain && milestone.begun < after),
    );
  }

  /** Opens what `crash` left, and compares it with what is allowed. */
  async judge(crash: Crash, witness: Witness, known?: Contents): Promise<Contents> {
    const allowed = this.allowed(crash.after);
    // Of the workload, what had been begun at that point.
    const aside = witness.aside(allowed.at(-1)?.told);
    aside.did(`suppose the power failed after operation ${crash.after} of ${this.device.operations()}`);
    const found = known ?? (await contentsOf(crash.site(), aside));
    if (!allowed.some(({ contents }) => textOf(contents) === textOf(found))) {
      const [certain, ...possible] = allowed;
      aside.did(`acknowledged last: ${certain?.step}`);
      if (possible.length > 0) aside.did(`under way: ${possible.map(({ step }) => step).join(", ")}`);
      aside.equal(
        found,
        certain?.contents,
        "what was acknowledged, and all or nothing of what was under way",
      );
    }
    return found;
  }

  /** Judges every crash, and returns the distinct ones with what they left. */
  async judgeAll(witness: Witness, from: number): Promise<readonly Survivor[]> {
    const survivors = new Map<string, Survivor>();
    const points = new Set<number>();
    for (const crash of this.device.crashes(from, "all")) {
      points.add(crash.after);
      const known = survivors.get(crash.fingerprint)?.contents;
      const contents = await this.judge(crash, witness, known);
      survivors.set(crash.fingerprint, { crash, contents });
    }
    // Guards the proof itself: a device that records nothing, or leaves crashes out, would prove nothing without failing.
    const operations = this.device.operations() - from;
    const changes = new Set(this.#milestones.map(({ contents }) => textOf(contents))).size - 1;
    witness.check(
      points.size === operations + 1 && operations >= changes,
      `crashes at ${operations + 1} points, before and after each of at least ${changes} operations`,
      `${points.size} points and ${operations} operations`,
    );
    return [...survivors.values()];
  }
}

/** What a crash left, and what was read from it. */
export interface Survivor {
  readonly crash: Crash;
  readonly contents: Contents;
}

/** The recorder of a site; the power loss cases are only made for sites that have one. */
export function deviceOf(site: StorageSite, witness: Witness): RecordedDevice {
  return site.device ?? witness.fail("a site with a recorded device, as all others of this harness", "none");
}

/**
 * For cases that go on from each survivor: of those that hold the same, the first `each`. They differ in what the storage has to clean
 * up, and a handful of them shows the kinds of that.
 */
export function sampleOf(survivors: readonly Survivor[], each: number): readonly Survivor[] {
  const groups = Map.groupBy(survivors, ({ contents }) => textOf(contents));
  return [...groups.values()].flatMap((group) => group.slice(0, each));
}

/** Opens a place that a crash left, whatever it holds, and lets the process die. */
export async function contentsOf(site: StorageSite, witness: Witness): Promise<Contents> {
  try {
    const contents = await new Subject(site, witness).openAny();
    await site.kill?.();
    return contents;
  } catch (error) {
    throw error instanceof ConformanceError ? error : witness.surprisedBy(error);
  }
}

/** The crashes that left something which no earlier one of them did. */
export function* distinct(crashes: Iterable<Crash>): Generator<Crash, void, undefined> {
  const seen = new Set<string>();
  for (const crash of crashes) {
    if (seen.has(crash.fingerprint)) continue;
    seen.add(crash.fingerprint);
    yield crash;
  }
}
