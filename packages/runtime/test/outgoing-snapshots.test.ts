import type { InstallSnapshot, SnapshotMeta, Storage, Transport } from "@eraft/core";
import { expect, test } from "vitest";
import { OutgoingSnapshots } from "../src/snapshots/outgoing.ts";

/** A leader of term 2 is asked to send its snapshot to server 1, and by then the storage has one of `lastIncludedTerm`. */
async function sendIn2({ lastIncludedTerm }: { readonly lastIncludedTerm: number }) {
  const meta: SnapshotMeta = { lastIncludedIndex: 7, lastIncludedTerm };
  const sent: InstallSnapshot[] = [];
  const storage = { readSnapshot: async () => ({ meta, size: 0, chunks: none() }) } as Partial<Storage>;
  const transport = { sendSnapshot: async (header) => void sent.push(header) } as Partial<Transport>;
  const { promise: reported, resolve } = Promise.withResolvers<unknown>();
  const host = { isClosed: () => false, push: resolve };
  const peers = {};
  new OutgoingSnapshots(0, storage as never, transport as never, peers as never, host as never).send({
    to: 1,
    term: 2,
    sequence: 5,
  });
  return { meta, sent, report: await reported };
}

async function* none(): AsyncGenerator<Uint8Array> {}

test("a snapshot of the leader's term is sent", async () => {
  const { meta, sent, report } = await sendIn2({ lastIncludedTerm: 2 });
  expect(sent).toEqual([{ type: "installSnapshot", from: 0, to: 1, term: 2, sequence: 5, ...meta }]);
  expect(report).toEqual({ type: "snapshotSent", to: 1, snapshot: meta });
});

test("one that a later leader has put in its place meanwhile is not sent in the name of the earlier term", async () => {
  const { sent, report } = await sendIn2({ lastIncludedTerm: 3 });
  expect(sent).toEqual([]);
  expect(report).toEqual({ type: "snapshotSent", to: 1, snapshot: null });
});
