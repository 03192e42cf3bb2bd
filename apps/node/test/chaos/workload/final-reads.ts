import type { KvraftClient } from "@eraft/kv";
import type { ChaosCluster } from "../chaos-cluster.ts";
import { openClients } from "./clients.ts";
import { type KvRecorder, RecordedClient } from "./recorded-client.ts";
import type { Tally } from "./tally.ts";

const READERS = 8;
const DEADLINE_MS = 60_000;

/** What was done so far, and what is done here. */
export interface RunRecord {
  readonly recorder: KvRecorder;
  readonly tally: Tally;
}

/** Reads every key once. Rejects if one cannot be read. */
export async function readKeys(kv: KvraftClient, keys: readonly string[], record: RunRecord): Promise<void> {
  const left = [...keys];
  const readers = Array.from({ length: READERS }, async () => {
    const client = new RecordedClient(kv, record.recorder, record.tally);
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const outcome = await client.call({ type: "get", key }, DEADLINE_MS);
      if (outcome !== "ok") throw new Error(`cannot read ${key}`);
    }
  });
  await Promise.all(readers);
}

/**
 * Reads every key after all faults are over, and once more when the node that led has been killed, from another one's copy. The reads are
 * part of the history: what was acknowledged and is not in them is lost.
 */
export async function readEverything(
  cluster: ChaosCluster,
  keys: readonly string[],
  record: RunRecord,
): Promise<void> {
  const { clients, close } = openClients(cluster.addresses, 1);
  const [kv] = clients;
  if (kv === undefined) throw new Error("no client");
  try {
    await cluster.converged();
    await readKeys(kv, keys, record);
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await readKeys(kv, keys, record);
    await cluster.restart(leader);
    await cluster.converged();
  } finally {
    close();
  }
}
