import { KvClient } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { createHash } from "node:crypto";
import { openDataDir, storageTypeOf } from "../../src/server/data-dir.ts";
import { levelState } from "../../src/server/state.ts";

/** Of all keys, values and revisions that the node at `address` has itself, whoever leads. */
export async function digestOfItems(address: string): Promise<string> {
  const connection = nodePeerConnection(address);
  const client = new KvClient({ addresses: [address], connect: () => connection });
  try {
    const hash = createHash("sha256");
    for await (const item of client.scan({}, { consistency: "stale" })) {
      hash.update(`${item.keyText.length} ${item.keyText} ${item.createRevision} ${item.modRevision} `);
      hash.update(item.value);
    }
    return hash.digest("hex");
  } finally {
    client.close();
    connection.close();
  }
}

/** Of the whole state in the data directory of node `id`, which does not run: items, history and sessions. */
export async function digestOnDisk(dataDir: string, id: number): Promise<string> {
  const { identity } = await openDataDir(dataDir, id, storageTypeOf(dataDir) ?? "wal");
  const { incarnation } = identity;
  await identity.close();
  const state = await levelState(dataDir, incarnation);
  try {
    await state.open();
    const hash = createHash("sha256");
    for await (const chunk of state.snapshot()) hash.update(chunk);
    return hash.digest("hex");
  } finally {
    await state.close();
  }
}
