const HOST_AND_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+):(?<port>\d{1,5})$/;

/** Throws a TypeError unless `address` is `host:port`, with a port from 1 to 65535 and an IPv6 host in brackets. */
export function checkAddress(address: string): string {
  const port = Number(HOST_AND_PORT.exec(address)?.groups?.["port"]);
  if (!(port >= 1 && port <= 65_535)) {
    throw new TypeError(`a peer's address must be host:port, not ${JSON.stringify(address)}`);
  }
  return address;
}
