import { MAX_MEMBERS, MAX_PEERS } from "@eraft/core";
import { type Flag, FlagValueError } from "./flags.ts";

/** Where a node is. */
export interface Address {
  /** `host:port`, as it was given. */
  readonly text: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** What `eraft demo` starts unless told otherwise, and what every client command talks to by default. */
export const DEMO_ADDRESSES: readonly string[] = ["127.0.0.1:5001", "127.0.0.1:5002", "127.0.0.1:5003"];

const HOST_AND_PORT = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[^\s:/?#@[\]]+)):(?<port>\d{1,5})$/;

/** The nodes that a cluster begins with, each at the position that is its id. Throws a FlagValueError. */
export function parseCluster(text: string): readonly Address[] {
  return parseAddresses(text, MAX_PEERS);
}

/** The same with ids of one's choice: `0=host:port,4=host:port`. Throws a FlagValueError. */
export function parsePeers(text: string): ReadonlyMap<number, Address> {
  const pairs = text.split(",").map((part) => {
    const [id = "", ...address] = part.split("=");
    if (address.length === 0) throw new FlagValueError(`${JSON.stringify(part)} is not ID=HOST:PORT`);
    return [parseId(id.trim()), parseAddress(address.join("=").trim())] as const;
  });
  checkAddresses(
    pairs.map(([, address]) => address),
    MAX_PEERS,
  );
  const peers = new Map<number, Address>();
  for (const [id, address] of pairs) {
    if (peers.has(id)) throw new FlagValueError(`node ${id} occurs twice`);
    peers.set(id, address);
  }
  return peers;
}

/** Some nodes of a cluster to talk to. Throws a FlagValueError. */
export function parseContacts(text: string): readonly Address[] {
  return parseAddresses(text, MAX_MEMBERS);
}

/** Throws a FlagValueError. */
export function parseAddress(text: string): Address {
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const host = groups?.["ipv6"] ?? groups?.["name"];
  const port = Number(groups?.["port"]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new FlagValueError(`${JSON.stringify(text)} is not HOST:PORT, with a port from 1 to 65535`);
  }
  return { text, host, port };
}

/** Throws a FlagValueError. */
export function parseId(text: string): number {
  const id = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(id)) return id;
  throw new FlagValueError(`${JSON.stringify(text)} is not the id of a node, a whole number from 0`);
}

/** The same as several addresses, in the order of the ids. */
export function textOf(addresses: Iterable<Address>): string {
  return [...addresses].map(({ text }) => text).join(",");
}

function parseAddresses(text: string, most: number): readonly Address[] {
  const addresses = text.split(",").map((part) => parseAddress(part.trim()));
  checkAddresses(addresses, most);
  return addresses;
}

function checkAddresses(addresses: readonly Address[], most: number): void {
  if (addresses.length > most) {
    throw new FlagValueError(`${addresses.length} addresses, but 1 to ${most} nodes can be given`);
  }
  const seen = new Set<string>();
  for (const { text } of addresses) {
    const key = text.toLowerCase();
    if (seen.has(key)) throw new FlagValueError(`${text} occurs twice`);
    seen.add(key);
  }
}

/** `--cluster` of the commands that talk to one. */
export const clusterToAsk: Flag<readonly Address[]> = {
  placeholder: "A,B,C",
  help: `addresses HOST:PORT of the nodes, all or some (default ${DEMO_ADDRESSES.join(",")}, the demo's)`,
  parse: parseContacts,
  fallback: { value: parseCluster(DEMO_ADDRESSES.join(",")) },
};
