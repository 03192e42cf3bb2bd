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
const MAX_NODES = 7;

/** Throws a FlagValueError. */
export function parseCluster(text: string): readonly Address[] {
  const addresses = text.split(",").map((part) => parseAddress(part.trim()));
  if (addresses.length > MAX_NODES) {
    throw new FlagValueError(`${addresses.length} addresses, but a cluster has 1 to ${MAX_NODES} nodes`);
  }
  const seen = new Set<string>();
  for (const { text } of addresses) {
    const key = text.toLowerCase();
    if (seen.has(key)) throw new FlagValueError(`${text} occurs twice`);
    seen.add(key);
  }
  return addresses;
}

function parseAddress(text: string): Address {
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const host = groups?.["ipv6"] ?? groups?.["name"];
  const port = Number(groups?.["port"]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new FlagValueError(`${JSON.stringify(text)} is not HOST:PORT, with a port from 1 to 65535`);
  }
  return { text, host, port };
}

/** `--cluster` of the commands that talk to one. */
export const clusterToAsk: Flag<readonly Address[]> = {
  placeholder: "A,B,C",
  help: `addresses HOST:PORT of the nodes, all or some (default ${DEMO_ADDRESSES.join(",")}, the demo's)`,
  parse: parseCluster,
  fallback: { value: parseCluster(DEMO_ADDRESSES.join(",")) },
};
