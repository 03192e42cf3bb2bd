import { KvraftClient, type KvraftClientOptions } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";

export interface Clients {
  readonly clients: readonly KvraftClient[];
  readonly close: () => void;
}

export type ClientTransport = ReturnType<KvraftClientOptions["connect"]>;

/** `count` clients of the nodes at `addresses`, each with connections of its own, which `watch` may look into. */
export function openClients(
  addresses: readonly string[],
  count: number,
  watch: (transport: ClientTransport) => ClientTransport = (transport) => transport,
): Clients {
  const connections: { close: () => void }[] = [];
  const connect = (address: string): ClientTransport => {
    const connection = nodePeerConnection(address);
    connections.push(connection);
    return watch(connection);
  };
  const clients = Array.from({ length: count }, () => new KvraftClient({ addresses, connect }));
  return {
    clients,
    close: () => {
      for (const client of clients) client.close();
      for (const connection of connections) connection.close();
    },
  };
}
