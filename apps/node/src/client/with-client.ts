import { KvClient } from "@eraft/kv";
import type { PeerConnection } from "@eraft/transport-connect";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import type { Address } from "../cluster.ts";
import { type Flag, integer } from "../flags.ts";

/** `--timeout-ms` of the commands that talk to a cluster. */
export const timeoutFlag: Flag<number> = integer({
  help: "give up after this long; an election takes a few seconds (default 10000)",
  min: 1,
  max: 3_600_000,
  fallback: { value: 10_000 },
});

export interface Connections {
  readonly client: KvClient;
  /** The connection to one node, shared with the client. */
  readonly connect: (address: string) => PeerConnection;
}

/** Runs `work` with a client of the cluster, and closes every connection afterwards. */
export async function withClient<T>(
  cluster: readonly Address[],
  timeoutMs: number,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const open = new Map<string, Required<PeerConnection>>();
  const connect = (address: string): PeerConnection => {
    let connection = open.get(address);
    if (connection === undefined) {
      connection = nodePeerConnection(address);
      open.set(address, connection);
    }
    return connection;
  };
  const client = new KvClient({ addresses: cluster.map(({ text }) => text), connect, deadlineMs: timeoutMs });
  try {
    return await work({ client, connect });
  } finally {
    client.close();
    for (const connection of open.values()) connection.close();
  }
}
