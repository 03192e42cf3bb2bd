import type { Case } from "../common/case.ts";
import type { StorageSite } from "./harness.ts";
import { append, batch, entries, metaOf, snapshot, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";

/** Bytes that tell growth from rounding. */
const BULK_BYTES = 20_000;

export function sizeCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  return [
    make(
      "Storage.size",
      "size grows with the log and shrinks when a snapshot replaces it",
      async (subject) => {
        const { witness } = subject;
        const sizes: number[] = [subject.storage.size()];
        await subject.take(append(...entries(1, 1, 10, BULK_BYTES, 10)));
        sizes.push(subject.storage.size());
        await subject.take(...snapshot(3, 1, 10));
        sizes.push(subject.storage.size());
        await subject.take(...snapshot(4, 1, BULK_BYTES));
        sizes.push(subject.storage.size());
        for (const size of sizes) {
          witness.check(Number.isSafeInteger(size) && size >= 0, "a count of bytes", String(size));
        }
        const [empty = 0, withLog = 0, compacted = 0, withSnapshot = 0] = sizes;
        const seen = `${sizes.join(", ")} bytes: empty, with a log, after its snapshot, after a larger snapshot`;
        witness.check(withLog > empty, `more after writing ${BULK_BYTES} bytes of log`, seen);
        witness.check(compacted < withLog, "less after a small snapshot of that log", seen);
        witness.check(withSnapshot > compacted, `more after a snapshot of ${BULK_BYTES} bytes`, seen);
      },
    ),
  ];
}

export function closeCases<Site extends StorageSite>(make: CaseMaker<Site>): readonly Case[] {
  return [
    make(
      "Storage.close",
      "close waits for a write under way, which then is there or was rejected",
      async (subject) => {
        await subject.take(vote(1, 1), append(...entries(1, 1, 10)));
        const last = batch({ hardState: { term: 2, votedFor: 2 }, entries: entries(2, 2, 5000) });
        let outcome = "still waiting";
        const settled = (async () => {
          try {
            await subject.storage.write(last);
            outcome = "resolved";
          } catch {
            outcome = "rejected";
          }
        })();
        subject.witness.did("begin a write");
        await subject.close();
        // A promise that was settled before `close` resolved has called back by now.
        await Promise.resolve();
        subject.witness.check(
          outcome !== "still waiting",
          "the write has ended before close resolves",
          outcome,
        );
        await settled;
        if (outcome === "resolved") subject.model.write(last);
        await subject.open();
      },
    ),
    make("Storage.close", "a second close resolves", async (subject) => {
      await subject.take(vote(1, 0));
      const { storage } = subject;
      await subject.close();
      await storage.close();
      await subject.open();
    }),
    make(
      "Storage.close",
      "close gives up a sink that is open, and makes room for another opener",
      async (subject) => {
        await subject.take(append(...entries(1, 1, 10, 10)));
        await subject.take({ type: "fill", meta: metaOf(1, 1), chunks: [new Uint8Array(3000)] });
        await subject.reopen();
        await subject.take(...snapshot(2, 1, 20));
        await subject.reopen();
      },
    ),
  ];
}
