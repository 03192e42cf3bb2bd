import { createClient } from "@connectrpc/connect";
import { KvClient, KvraftClient } from "@eraft/kv";
import { AdminService } from "@eraft/proto/eraft/admin/v1";
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

/** For a question whose answer is helpful, but not needed. */
const DISCOVERY_TIMEOUT_MS = 500;

export interface Connections {
  readonly client: KvraftClient;
  /** The connection to one node, shared with the client. */
  readonly connect: (address: string) => PeerConnection;
}

/** Runs `work` with a client of exactly these nodes, and closes every connection afterwards. */
export function withClientOf<T>(
  cluster: readonly Address[],
  timeoutMs: number,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const addresses = cluster.map(({ text }) => text);
  return withConnections((connect) => withClient(addresses, timeoutMs, connect, work));
}

/** The same with a client of `eraft.kv.v1`. @param options.only these nodes and no others, whatever they know of */
export function withStore<T>(
  cluster: readonly Address[],
  timeoutMs: number,
  work: (store: KvClient) => Promise<T>,
  { only = false }: { readonly only?: boolean } = {},
): Promise<T> {
  return withConnections(async (connect) => {
    const addresses = await addressesToAsk(cluster, only, connect);
    const store = new KvClient({ addresses, connect, deadlineMs: timeoutMs });
    try {
      return await work(store);
    } finally {
      store.close();
    }
  });
}

/** Runs `work` with a client of exactly these nodes. */
export async function withClient<T>(
  addresses: readonly string[],
  timeoutMs: number,
  connect: Connections["connect"],
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const client = new KvraftClient({ addresses, connect, deadlineMs: timeoutMs });
  try {
    return await work({ client, connect });
  } finally {
    client.close();
  }
}

/** Runs `work` with a way to each node, one connection for each address, and closes them all afterwards. */
export async function withConnections<T>(work: (connect: Connections["connect"]) => Promise<T>): Promise<T> {
  const open = new Map<string, ReturnType<typeof nodePeerConnection>>();
  const connect = (address: string): PeerConnection => {
    let connection = open.get(address);
    if (connection === undefined) {
      connection = nodePeerConnection(address);
      open.set(address, connection);
    }
    return connection;
  };
  try {
    return await work(connect);
  } finally {
    for (const connection of open.values()) connection.close();
  }
}

/**
 * These nodes, and unless `only` those that they know of: clients ask nobody whom they were not told of, so that one address, of a node that does not lead, would get
 * them nowhere.
 */
export async function addressesToAsk(
  cluster: readonly Address[],
  only: boolean,
  connect: Connections["connect"],
): Promise<readonly string[]> {
  const given = cluster.map(({ text }) => text);
  const others = only ? [] : await otherNodes(given, connect);
  return [...new Set([...given, ...others])];
}

/** What the first node that answers knows of the others; nothing if none does, or none has an AdminService. */
async function otherNodes(
  addresses: readonly string[],
  connect: Connections["connect"],
): Promise<readonly string[]> {
  const answers = addresses.map(async (address) => {
    const admin = createClient(AdminService, connect(address));
    const { peers } = await admin.getNodeStatus({}, { timeoutMs: DISCOVERY_TIMEOUT_MS });
    return peers.map(({ address }) => address);
  });
  return Promise.any(answers).catch(() => []);
}
