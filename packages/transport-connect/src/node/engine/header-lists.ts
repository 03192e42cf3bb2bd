import { HeaderList } from "@eraft/http2";

/** They are about a connection, which HTTP/2 has other means for; Node's own server refuses them, too. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** The head of an answer. */
export function headOf(status: number, headers: Iterable<readonly [string, string]>): HeaderList {
  return new HeaderList([":status", String(status), ...fieldsOf(headers)]);
}

export function trailersOf(headers: Iterable<readonly [string, string]>): HeaderList {
  return new HeaderList(fieldsOf(headers));
}

function fieldsOf(headers: Iterable<readonly [string, string]>): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) if (!OF_CONNECTIONS.has(name)) fields.push(name, value);
  return fields;
}

/** As Connect's adapter for Node shows the headers of a request. */
export function webHeadersOf(headers: Readonly<Record<string, string>>): Headers {
  const found = new Headers();
  for (const [name, value] of Object.entries(headers)) found.append(name, value);
  return found;
}
