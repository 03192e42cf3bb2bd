import type { Case } from "../common/case.ts";
import type { StorageSite, StorageSupport } from "./harness.ts";
import { JOINT, SETTLED } from "./members.ts";
import { type Contents, Model } from "./model.ts";
import { Recording, type Survivor, contentsOf, deviceOf, distinct, sampleOf, textOf } from "./power-loss.ts";
import { append, batch, configured, entries, metaOf, snapshotWith, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";
import { Subject } from "./subject.ts";
import { CRAFTED_WORKLOAD, randomWorkload } from "./workload.ts";

/** Fewer than without crashes: each step is tried with a crash at each of its operations. */
const RANDOM_STEPS = 12;

const SURVIVORS_OF_A_KIND = 12;

/** Steps that leave some of everything, for the cases that go on from each crash. */
const SHORT_WORKLOAD = [
  ...CRAFTED_WORKLOAD.slice(1, 5),
  ...snapshotWith(JOINT, 3, 2, 700),
  append(...entries(6, 4, 400), configured(7, 4, SETTLED)),
];

/** What is left when the power fails at any point: of the workload, of the recovery from it, and of what comes after. */
export function powerLossCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return [
    make(
      "Storage.write",
      "what was acknowledged survives a power loss at any point, and nothing is there in part",
      async (subject) => {
        await survivors(subject, CRAFTED_WORKLOAD);
      },
    ),
    ...Array.from({ length: supports.randomWorkloads }, (_, seed) =>
      make(
        "Storage.write",
        `a random workload survives a power loss at any point (seed ${seed})`,
        async (subject) => {
          await survivors(subject, randomWorkload(1000 + seed, RANDOM_STEPS));
        },
      ),
    ),
    make(
      "Storage.open",
      "opening once more after a power loss gives the same, even if the power fails again during the first opening",
      reopening,
    ),
    make("Storage.write", "what is written after a power loss survives the next one", writingOn),
    ...(["write", "commit"] as const).map((first) =>
      make(
        "Storage",
        `of a write and a commit at once, a power loss leaves the ${first} that was called first, or both, or none`,
        (subject) => writeBesideCommit(subject, first),
      ),
    ),
  ];
}

async function survivors(
  subject: Subject,
  steps: Parameters<typeof Recording.of>[1],
): Promise<readonly Survivor[]> {
  const from = deviceOf(subject.site, subject.witness).operations();
  const recording = await Recording.of(subject, steps);
  return recording.judgeAll(subject.witness, from);
}

async function reopening(subject: Subject): Promise<void> {
  for (const { crash, contents } of sampleOf(await survivors(subject, SHORT_WORKLOAD), SURVIVORS_OF_A_KIND)) {
    const site = crash.site();
    const witness = subject.witness.aside();
    witness.did(`suppose the power failed after operation ${crash.after}`);
    await contentsOf(site, witness);
    witness.equal(await contentsOf(site, witness), contents, "the second opening gives what the first gave");
    for (const again of distinct(deviceOf(site, witness).crashes(0, "few"))) {
      const found = await contentsOf(again.site(), witness.aside());
      if (textOf(found) === textOf(contents)) continue;
      witness.did(`and again after operation ${again.after} of the next opening`);
      witness.equal(found, contents, "after the second power loss");
    }
  }
}

async function writingOn(subject: Subject): Promise<void> {
  for (const { crash, contents } of sampleOf(await survivors(subject, SHORT_WORKLOAD), SURVIVORS_OF_A_KIND)) {
    const site = crash.site();
    const witness = subject.witness.aside();
    witness.did(`suppose the power failed after operation ${crash.after}`);
    const next = new Subject(site, witness, modelOf(contents));
    await next.open();
    const from = deviceOf(site, witness).operations();
    const last = contents.entries.at(-1)?.index ?? contents.snapshot?.lastIncludedIndex ?? 0;
    const recording = await Recording.of(next, [
      {
        type: "write",
        batch: batch({ hardState: { term: 9, votedFor: 1 }, entries: entries(last + 1, 9, 600) }),
      },
    ]);
    const known = new Map<string, Contents>();
    for (const again of recording.device.crashes(from, "few")) {
      // Judged at each point again: what must be there changes with what has been acknowledged.
      const found = await recording.judge(again, witness, known.get(again.fingerprint));
      known.set(again.fingerprint, found);
    }
  }
}

/** A model that holds what was found. */
function modelOf(contents: Contents): Model {
  const model = new Model();
  if (contents.snapshot !== null) model.commit(contents.snapshot, contents.snapshotBytes);
  model.write({ hardState: contents.hardState, truncateFrom: null, entries: contents.entries });
  return model;
}

/** The port allows it: a snapshot may be committed while a write is outstanding. Each is there whole, and not the second without the first. */
async function writeBesideCommit(subject: Subject, first: "write" | "commit"): Promise<void> {
  const { witness, storage } = subject;
  const device = deviceOf(subject.site, witness);
  await subject.take(vote(1, 1), append(...entries(1, 1, 100, 100, 100)));
  const before = subject.model.contents();
  const added = batch({ hardState: { term: 2, votedFor: 0 }, entries: entries(4, 1, 1300) });
  const meta = metaOf(2, 1, JOINT);
  const bytes = new Uint8Array(100).fill(7);
  const sink = await storage.createSnapshot(meta);
  await sink.write(bytes);
  const begun = device.operations();
  witness.did(`write entry 4 and commit a snapshot at index 2 at the same time, the ${first} first`);
  const called =
    first === "write" ? [storage.write(added), sink.commit()] : [sink.commit(), storage.write(added)];
  await Promise.all(called);
  const ended = device.operations();

  const one = modelOf(before);
  if (first === "write") one.write(added);
  else one.commit(meta, bytes);
  subject.model.write(added);
  subject.model.commit(meta, bytes);
  const both = subject.model.contents();
  const allowed = [before, one.contents(), both].map(textOf);
  for (const crash of device.crashes(begun, "all")) {
    const aside = witness.aside();
    aside.did(`suppose the power failed after operation ${crash.after}`);
    const found = await contentsOf(crash.site(), aside);
    const possible = crash.after >= ended ? allowed.slice(-1) : allowed;
    if (!possible.includes(textOf(found))) {
      aside.equal(
        found,
        both,
        "none, the first, or both of the two, each whole; both once both were acknowledged",
      );
    }
  }
}
