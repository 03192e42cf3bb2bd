import type { Restored, StoredSnapshot } from "@eraft/core";
import { RaftNode, StorageFailedError } from "@eraft/runtime";
import { expect, test } from "vitest";
import { silent } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { Journal } from "./support/journal.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { ScriptedTransport } from "./support/scripted-transport.ts";

const OLD = { lastIncludedIndex: 3, lastIncludedTerm: 1 };
const NEW = { lastIncludedIndex: 5, lastIncludedTerm: 1 };

/** A storage that says one thing and holds another: its log was cut by a snapshot that is not there. */
class Mislabelled extends FaultyStorage {
  override async open(): Promise<Restored> {
    const restored = await super.open();
    return { ...restored, hardState: { term: 1, votedFor: null }, snapshot: NEW };
  }

  override readSnapshot(): Promise<StoredSnapshot | null> {
    return Promise.resolve({ meta: OLD, size: 0, chunks: nothing() });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

// The Go nodes write log and snapshot one after the other. A crash in between, and they restore the old state under the new label, and send it so.
test("a stored snapshot that is not the one which the log begins after is not restored", async () => {
  const stateMachine = new Journal();
  const node = new RaftNode({
    id: 0,
    peers: new Map([[0, "host-0:1"]]),
    storage: new Mislabelled(),
    transport: new ScriptedTransport(),
    stateMachine,
    clock: new ManualClock(),
    logger: silent,
  });
  await expect(node.start()).rejects.toThrow(StorageFailedError);
  expect(stateMachine.lines).toEqual([]);
  await node.stop();
});
