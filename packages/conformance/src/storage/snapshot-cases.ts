import type { Case } from "../common/case.ts";
import { collect, sampleBytes } from "../common/bytes.ts";
import type { StorageSite, StorageSupport } from "./harness.ts";
import { append, entries, metaOf, replace, snapshot, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";
import type { Subject } from "./subject.ts";

/** Five entries, of which the first two have term 1 and the others term 3, in term 4. */
async function fiveEntries(subject: Subject): Promise<void> {
  await subject.take(vote(4, 2), append(...entries(1, 1, 10, 20), ...entries(3, 3, 30, 40, 50)));
}

/** Cases of `Storage.createSnapshot` and of its sink. */
export function snapshotCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return [...beginCases(make), ...commitCases(make), ...sinkCases(make, supports)];
}

function beginCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  const begin: (name: string, body: (subject: Subject<Site>) => Promise<void>) => Case = (name, body) =>
    make("Storage.createSnapshot", name, body);
  return [
    begin(
      "a sink that is filled but not committed changes nothing, and close forgets it",
      async (subject) => {
        await fiveEntries(subject);
        await subject.take(...snapshot(1, 1, 100), {
          type: "fill",
          meta: metaOf(3, 3),
          chunks: [sampleBytes(50, 1)],
        });
        await subject.expectSnapshot();
        await subject.reopen();
      },
    ),
    begin(
      "a snapshot that is not newer than the stored one is refused, and changes nothing",
      async (subject) => {
        await fiveEntries(subject);
        await subject.take(...snapshot(3, 3, 100));
        await subject.take(
          { type: "staleSnapshot", meta: metaOf(3, 3) },
          { type: "staleSnapshot", meta: metaOf(2, 1) },
        );
        await subject.expectSnapshot();
        await subject.reopen();
        await subject.take({ type: "staleSnapshot", meta: metaOf(3, 3) }, ...snapshot(4, 3, 60));
        await subject.reopen();
      },
    ),
    begin("writes go on while a sink is filled, and stay after its commit", async (subject) => {
      await fiveEntries(subject);
      await subject.take({ type: "fill", meta: metaOf(4, 3), chunks: [sampleBytes(70, 1)] });
      await subject.take(append(...entries(6, 4, 5)), vote(5, 1), { type: "commit" });
      await subject.reopen();
    }),
    begin(
      "an entry that is replaced while a sink is filled is judged as it is at the commit",
      async (subject) => {
        await fiveEntries(subject);
        await subject.take({ type: "fill", meta: metaOf(4, 3), chunks: [sampleBytes(70, 1)] });
        await subject.take(replace(4, ...entries(4, 4, 1, 2)), { type: "commit" });
        await subject.reopen();
      },
    ),
  ];
}

function commitCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  const commit = (name: string, index: number, term: number): Case =>
    make("SnapshotSink.commit", name, async (subject) => {
      await fiveEntries(subject);
      await subject.take(...snapshot(index, term, 100, 23));
      await subject.expectSnapshot();
      await subject.reopen();
      // The log goes on after what was kept, and what was dropped does not come back.
      const next = (subject.model.contents().entries.at(-1)?.index ?? index) + 1;
      await subject.take(append(...entries(next, 4, 6, 7)));
      await subject.reopen();
    });
  return [
    commit("the log keeps what follows an entry of the snapshot's term; term and vote stay", 3, 3),
    commit("the log keeps nothing if its entry there has another term", 3, 2),
    commit("the log keeps nothing if its entry there has another term, even a higher one", 2, 4),
    commit("a snapshot of the whole log leaves no entry", 5, 3),
    commit("a snapshot beyond the end of the log leaves no entry", 9, 4),
    make("SnapshotSink.commit", "a snapshot of an empty log is kept", async (subject) => {
      await subject.take(...snapshot(7, 2, 40));
      await subject.reopen();
      await subject.take(append(...entries(8, 3, 1)), ...snapshot(8, 3, 30));
      await subject.reopen();
    }),
    make("SnapshotSink.commit", "each snapshot replaces the one before", async (subject) => {
      await fiveEntries(subject);
      for (const index of [3, 4, 5]) {
        await subject.take(...snapshot(index, 3, 100 * index));
        await subject.expectSnapshot();
      }
      await subject.reopen();
    }),
  ];
}

function sinkCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return [
    make(
      "SnapshotSink.abort",
      "an aborted snapshot leaves nothing, and another one can be made",
      async (subject) => {
        await fiveEntries(subject);
        await subject.take(
          { type: "fill", meta: metaOf(3, 3), chunks: [sampleBytes(50, 1)] },
          { type: "abort" },
        );
        await subject.expectSnapshot();
        await subject.take(...snapshot(3, 3, 60));
        await subject.reopen();
      },
    ),
    make("SnapshotSink.abort", "abort is harmless after commit, and after another abort", async (subject) => {
      await fiveEntries(subject);
      const aborted = await subject.storage.createSnapshot(metaOf(2, 1));
      await aborted.abort();
      await aborted.abort();
      const committed = await subject.storage.createSnapshot(metaOf(3, 3));
      const bytes = sampleBytes(80, 2);
      await committed.write(bytes);
      await committed.commit();
      subject.model.commit(metaOf(3, 3), bytes);
      await committed.abort();
      await aborted.abort();
      await subject.expectSnapshot();
      await subject.reopen();
    }),
    make("SnapshotSink.write", "a chunk may be used again once it was taken", async (subject) => {
      const sink = await subject.storage.createSnapshot(metaOf(1, 1));
      const chunk = new Uint8Array(300);
      for (const value of [1, 2, 3]) {
        chunk.fill(value);
        await sink.write(chunk);
      }
      chunk.fill(99);
      await sink.commit();
      const bytes = new Uint8Array(900).map((_, at) => 1 + Math.floor(at / 300));
      subject.model.commit(metaOf(1, 1), bytes);
      await subject.expectSnapshot();
      await subject.reopen();
    }),
    make(
      "SnapshotSink.write",
      "a snapshot without bytes, and chunks without bytes, are kept",
      async (subject) => {
        await subject.take(...snapshot(1, 1));
        await subject.reopen();
        await subject.take(...snapshot(2, 1, 0, 5, 0, 6, 0));
        await subject.reopen();
      },
    ),
    make(
      "SnapshotSink.write",
      `a snapshot of ${supports.maxSnapshotBytes} bytes in uneven chunks is kept`,
      async (subject) => {
        const first = Math.floor(supports.maxSnapshotBytes / 3);
        await subject.take(...snapshot(1, 1, 1, first, supports.maxSnapshotBytes - first - 1));
        await subject.expectSnapshot();
        await subject.reopen();
      },
    ),
  ];
}

/** Cases of `Storage.readSnapshot`. */
export function readSnapshotCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return [
    make(
      "Storage.readSnapshot",
      "several readers each get all bytes, while writes go on",
      async (subject) => {
        await fiveEntries(subject);
        await subject.take(...snapshot(3, 3, 4000, 1));
        const { snapshotBytes } = subject.model.contents();
        const readers = [await subject.storage.readSnapshot(), await subject.storage.readSnapshot()];
        const reading = Promise.all(readers.map((reader) => collect(reader?.chunks ?? empty())));
        await subject.take(append(...entries(6, 4, 100)));
        for (const bytes of await reading) subject.witness.equal(bytes, snapshotBytes, "what a reader got");
        await subject.reopen();
      },
    ),
    ...(supports.readableWhileReplaced ? [readWhileReplaced(make)] : []),
  ];
}

function readWhileReplaced<Site extends StorageSite>(make: CaseMaker<Site>): Case {
  return make(
    "Storage.readSnapshot",
    "a snapshot that is being read stays readable while newer ones are committed",
    async (subject) => {
      await fiveEntries(subject);
      await subject.take(...snapshot(3, 3, 3000, 3000, 3000));
      const { snapshot: meta, snapshotBytes } = subject.model.contents();
      const begun = await subject.storage.readSnapshot();
      const untouched = await subject.storage.readSnapshot();
      const chunks = (begun?.chunks ?? empty())[Symbol.asyncIterator]();
      const first = await chunks.next();
      const head = first.done === true ? new Uint8Array(0) : new Uint8Array(first.value);
      await subject.take(...snapshot(4, 3, 200), ...snapshot(5, 3, 300));
      const tail = await collect({ [Symbol.asyncIterator]: () => chunks });
      const { witness } = subject;
      witness.equal([...head, ...tail], [...snapshotBytes], "the bytes of the older snapshot");
      witness.equal(begun?.meta, meta, "the meta of the older snapshot");
      const late = await collect(untouched?.chunks ?? empty());
      witness.equal(late, snapshotBytes, "the older snapshot, read from its beginning after it was replaced");
      await subject.expectSnapshot();
      await subject.reopen();
    },
  );
}

async function* empty(): AsyncGenerator<Uint8Array> {}
