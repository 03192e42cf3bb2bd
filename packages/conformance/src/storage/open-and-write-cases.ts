import type { Case } from "../common/case.ts";
import { sampleBytes } from "../common/bytes.ts";
import type { StorageSite, StorageSupport } from "./harness.ts";
import { append, batch, entries, replace, snapshot, vote } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";

const MAX = Number.MAX_SAFE_INTEGER;

export function openCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  return [
    make(
      "Storage.open",
      "a new storage holds term 0, no vote, no snapshot and no entries",
      async (subject) => {
        // The first opening has been compared already; opening it must not have written anything else.
        await subject.reopen();
      },
    ),
    ...(supports.exclusiveOpen ? [secondOpener(make)] : []),
  ];
}

function secondOpener<Site extends StorageSite>(make: CaseMaker<Site>): Case {
  return make(
    "Storage.open",
    "a second opener is refused, and the first goes on undisturbed",
    async (subject) => {
      await subject.take(vote(1, 1), append(...entries(1, 1, 10)));
      const second = subject.site.storage();
      await subject.witness.rejects(second.open(), "a second open");
      await subject.take(vote(2, 0), append(...entries(2, 2, 20)));
      await subject.reopen();
    },
  );
}

/** Cases of `Storage.write` and of `WriteBatch`, the order of whose parts is part of the promise. */
export function writeCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  supports: StorageSupport,
): readonly Case[] {
  const write: typeof make = (_, name, body) => make("Storage.write", name, body);
  const parts: typeof make = (_, name, body) => make("WriteBatch", name, body);
  return [
    write("", "a write that resolved survives close and open", async (subject) => {
      await subject.write(batch({ hardState: { term: 2, votedFor: 1 }, entries: entries(1, 1, 3, 0, 256) }));
      await subject.reopen();
      await subject.reopen();
    }),
    write("", "batches are kept in the order of the calls", async (subject) => {
      for (let i = 1; i <= 20; i += 1) await subject.take(vote(i, i % 3), append(...entries(i, i, i)));
      await subject.reopen();
    }),
    write("", "writing goes on where it ended before the storage was closed", async (subject) => {
      for (let i = 1; i <= 3; i += 1) {
        await subject.take(append(...entries(2 * i - 1, i, 5, 600)));
        await subject.reopen();
      }
    }),
    write("", "an empty batch changes nothing", async (subject) => {
      await subject.write(batch({}));
      await subject.take(vote(3, 2), append(...entries(1, 1, 4, 4)));
      await subject.write(batch({}));
      await subject.reopen();
    }),
    write("", "many small entries are kept", async (subject) => {
      await subject.write(
        batch({ entries: entries(1, 1, ...Array.from({ length: 2000 }, (_, i) => i % 7)) }),
      );
      await subject.reopen();
    }),
    write(
      "",
      `a command of ${supports.maxCommandBytes} bytes is kept, and what comes after it`,
      async (subject) => {
        await subject.take(append(...entries(1, 1, 10, supports.maxCommandBytes)));
        await subject.take(append(...entries(3, 1, 10)));
        await subject.reopen();
      },
    ),
    write("", "every value of a byte is kept, whatever text it would be", async (subject) => {
      const command = Uint8Array.from({ length: 256 }, (_, i) => i);
      await subject.write(batch({ entries: [{ index: 1, term: 1, command }] }));
      await subject.reopen();
    }),
    write("", "a command that is a part of a larger buffer is kept as that part alone", async (subject) => {
      const command = sampleBytes(1000, 5).subarray(100, 200);
      await subject.write(batch({ entries: [{ index: 1, term: 1, command }] }));
      await subject.reopen();
    }),
    parts("", "term and vote are replaced together, and the log stays", async (subject) => {
      await subject.take(vote(1, 1), append(...entries(1, 1, 8)), vote(2, null));
      await subject.reopen();
      await subject.take(vote(2, 0));
      await subject.reopen();
    }),
    parts("", "a batch without hard state keeps the stored one", async (subject) => {
      await subject.take(vote(4, 2), append(...entries(1, 4, 1)), replace(1, ...entries(1, 4, 2)));
      await subject.reopen();
    }),
    parts("", "hard state, truncation and entries of one batch are all kept", async (subject) => {
      await subject.take(vote(1, 1), append(...entries(1, 1, 1, 2, 3)));
      const hardState = { term: 5, votedFor: null };
      await subject.write(batch({ hardState, truncateFrom: 2, entries: entries(2, 5, 9, 9, 9) }));
      await subject.reopen();
    }),
    parts("", "a truncation takes all entries from its index on", async (subject) => {
      await subject.take(append(...entries(1, 1, 1, 2, 3, 4, 5)), replace(4));
      await subject.reopen();
      await subject.take(replace(1));
      await subject.reopen();
      await subject.take(append(...entries(1, 2, 7)));
      await subject.reopen();
    }),
    parts("", "a truncation beyond the end of the log drops nothing", async (subject) => {
      await subject.take(replace(1), replace(7));
      await subject.reopen();
      await subject.take(append(...entries(1, 1, 1, 2)), replace(3), replace(3, ...entries(3, 1, 1)));
      await subject.reopen();
      await subject.take(replace(5), replace(1000, ...entries(4, 2, 3)), replace(MAX), vote(2, 1));
      await subject.reopen();
      // The log ends with the snapshot: there is nothing to drop, and the snapshot stays.
      await subject.take(...snapshot(4, 2, 10), replace(5), replace(6, ...entries(5, 2, 9)));
      await subject.reopen();
    }),
    parts("", "of an index written in several terms the last one counts", async (subject) => {
      await subject.take(append(...entries(1, 1, 50, 50)));
      for (const term of [2, 3, 4]) await subject.take(replace(2, ...entries(2, term, 50, 50)));
      await subject.reopen();
      await subject.take(replace(1, ...entries(1, 5, 50)));
      await subject.reopen();
    }),
    parts("", "terms, votes and indexes are exact up to 2^53 - 1", async (subject) => {
      await subject.take(vote(MAX - 1, MAX), ...snapshot(MAX - 3, MAX - 2, 10));
      await subject.take(append(...entries(MAX - 2, MAX - 1, 10, 20)), vote(MAX, null));
      await subject.reopen();
    }),
  ];
}
