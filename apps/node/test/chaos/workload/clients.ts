import { KvClient } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";

export interface Clients {
  readonly clients: readonly KvClient[];
  readonly close: () => void;
}

/** `count` clients of the nodes at `addresses`, each with connections of its own. */
export function openClients(addresses: readonly string[], count: number): Clients {
  const connections: { close: () => void }[] = [];
  const connect = (address: string): ReturnType<typeof nodePeerConnection> => {
    const connection = nodePeerConnection(address);
    connections.push(connection);
    return connection;
  };
  const clients = Array.from({ length: count }, () => new KvClient({ addresses, connect }));
  return {
    clients,
    close: () => {
      for (const client of clients) client.close();
      for (const connection of connections) connection.close();
    },
  };
}
