import type { NodeId } from "@eraft/core";

/** Where a server is. It stays there. */
export function addressOf(id: NodeId): string {
  return `http://server-${id}:9000`;
}
