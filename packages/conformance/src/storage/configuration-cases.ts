import type { Case } from "../common/case.ts";
import type { StorageSite, StorageSupport } from "./harness.ts";
import { JOINT, SETTLED, sampleConfigurations } from "./members.ts";
import { append, configured, entries, replace, snapshot, snapshotWith, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";

/** Cases of `Entry.configuration` and `SnapshotMeta.configuration`. Opening compares field by field; what was not set must not be there. */
export function configurationCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  const samples = sampleConfigurations(supports.maxCommandBytes);
  return [
    ...samples.map(({ what, configuration }) =>
      make("Entry.configuration", `an entry's configuration comes back: ${what}`, async (subject) => {
        await subject.take(append(configured(1, 1, configuration)));
        await subject.reopen();
        await subject.reopen();
      }),
    ),
    ...samples.map(({ what, configuration }) =>
      make(
        "SnapshotMeta.configuration",
        `a snapshot's configuration comes back: ${what}`,
        async (subject) => {
          await subject.take(...snapshotWith(configuration, 3, 2, 100));
          await subject.expectSnapshot();
          await subject.reopen();
          await subject.reopen();
        },
      ),
    ),
    ...entryCases(make),
    ...snapshotCases(make),
  ];
}

function entryCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  return [
    make(
      "Entry.configuration",
      "configurations and commands of one batch are not mixed up, and an empty command is none",
      async (subject) => {
        await subject.take(
          append(
            ...entries(1, 1, 9),
            configured(2, 1, JOINT),
            ...entries(3, 1, 0, 5),
            configured(5, 1, SETTLED),
          ),
          append(...entries(6, 1, 0)),
        );
        await subject.reopen();
      },
    ),
    make(
      "Entry.configuration",
      "a configuration is written together with a vote and a truncation",
      async (subject) => {
        await subject.take(vote(1, 1), append(...entries(1, 1, 5, 5)));
        await subject.write({
          hardState: { term: 2, votedFor: null },
          truncateFrom: 2,
          entries: [configured(2, 2, JOINT)],
        });
        await subject.reopen();
      },
    ),
    make("Entry.configuration", "a truncation takes configurations along", async (subject) => {
      await subject.take(append(...entries(1, 1, 5), configured(2, 1, JOINT), configured(3, 1, SETTLED)));
      await subject.take(replace(3));
      await subject.reopen();
      await subject.take(replace(2, ...entries(2, 2, 5, 5)));
      await subject.reopen();
      await subject.take(replace(3, configured(3, 3, JOINT)));
      await subject.reopen();
    }),
  ];
}

function snapshotCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  const keep = (name: string, body: Parameters<typeof make>[2]): Case =>
    make("SnapshotMeta.configuration", name, body);
  return [
    keep("the log goes, and the members that it named stay with the snapshot", async (subject) => {
      await subject.take(append(...entries(1, 1, 5), configured(2, 1, JOINT), ...entries(3, 1, 5)));
      await subject.take(...snapshotWith(JOINT, 3, 1, 50));
      await subject.expectSnapshot();
      await subject.reopen();
      await subject.take(append(...entries(4, 2, 5)));
      await subject.reopen();
    }),
    keep("a snapshot and the log after it each keep their own configurations", async (subject) => {
      await subject.take(append(configured(1, 1, JOINT), ...entries(2, 1, 5), configured(3, 1, SETTLED)));
      await subject.take(...snapshotWith(JOINT, 2, 1, 50));
      await subject.reopen();
      await subject.take(replace(3, ...entries(3, 2, 5)));
      await subject.reopen();
    }),
    keep("a snapshot without a configuration has none, whatever was there before", async (subject) => {
      await subject.take(append(configured(1, 1, JOINT)), ...snapshotWith(JOINT, 1, 1, 50));
      await subject.take(append(configured(2, 1, SETTLED)), ...snapshot(9, 2, 50));
      await subject.expectSnapshot();
      await subject.reopen();
    }),
    keep("a snapshot that contradicts the log brings its own members", async (subject) => {
      await subject.take(append(configured(1, 1, JOINT), configured(2, 1, SETTLED), ...entries(3, 1, 5)));
      await subject.take(...snapshotWith(JOINT, 2, 2, 50));
      await subject.expectSnapshot();
      await subject.reopen();
    }),
    keep("a configuration that is filled but not committed changes nothing", async (subject) => {
      await subject.take(append(...entries(1, 1, 5, 5)), ...snapshotWith(JOINT, 1, 1, 50));
      const [fill] = snapshotWith(SETTLED, 2, 1, 50);
      await subject.take(fill, { type: "abort" }, fill);
      await subject.expectSnapshot();
      await subject.reopen();
    }),
  ];
}
