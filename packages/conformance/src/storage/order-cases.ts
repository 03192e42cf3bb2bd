import type { SnapshotMeta, WriteBatch } from "@eraft/core";
import type { Case } from "../common/case.ts";
import { sampleBytes } from "../common/bytes.ts";
import type { StorageSite } from "./harness.ts";
import { append, batch, entries, metaOf, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";
import type { Subject } from "./subject.ts";

/** So many that making them durable takes longer than a write. */
const SNAPSHOT_BYTES = 200_000;

/** A write and a commit under way at once, such that the other order would leave something else, or could not be carried out. */
export function orderCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  const order = (name: string, body: (subject: Subject<Site>) => Promise<void>): Case =>
    make("Storage", name, async (subject) => {
      await subject.take(vote(4, 2), append(...entries(1, 1, 10, 20), ...entries(3, 3, 30, 40, 50)));
      await body(subject);
      await subject.expectSnapshot();
      await subject.reopen();
    });
  return [
    order("a write that is begun during a commit takes effect after it", async (subject) => {
      // The snapshot ends beyond the log, and the entry follows the snapshot.
      await commitThenWrite(subject, metaOf(9, 4), batch({ entries: entries(10, 4, 60) }));
    }),
    order("a commit that is begun during a write takes effect after it", async (subject) => {
      // The write replaces the entry at which the snapshot ends by one of another term: the log keeps nothing.
      await writeThenCommit(subject, batch({ truncateFrom: 3, entries: entries(3, 4, 1, 2) }), metaOf(3, 3));
    }),
    order("a commit that is begun during a write finds the entry that this writes", async (subject) => {
      await writeThenCommit(subject, batch({ entries: entries(6, 4, 5, 6) }), metaOf(6, 4));
    }),
  ];
}

async function commitThenWrite(subject: Subject, meta: SnapshotMeta, written: WriteBatch): Promise<void> {
  const { storage, model, witness } = subject;
  const { sink, bytes } = await filled(subject, meta);
  witness.did(`commit a snapshot at index ${meta.lastIncludedIndex}, and write before that is done`);
  await Promise.all([sink.commit(), storage.write(written)]);
  model.commit(meta, bytes);
  model.write(written);
}

async function writeThenCommit(subject: Subject, written: WriteBatch, meta: SnapshotMeta): Promise<void> {
  const { storage, model, witness } = subject;
  const { sink, bytes } = await filled(subject, meta);
  witness.did(`write, and commit a snapshot at index ${meta.lastIncludedIndex} before that is done`);
  await Promise.all([storage.write(written), sink.commit()]);
  model.write(written);
  model.commit(meta, bytes);
}

async function filled({ storage }: Subject, meta: SnapshotMeta) {
  const sink = await storage.createSnapshot(meta);
  const bytes = sampleBytes(SNAPSHOT_BYTES, meta.lastIncludedIndex);
  await sink.write(bytes);
  return { sink, bytes };
}
