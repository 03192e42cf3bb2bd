import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** As Connect shows them to handlers. */
export function webHeadersOf(headers: IncomingHttpHeaders): Headers {
  const found = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) found.append(name, one);
  }
  return found;
}

export function objectOf(headers: Headers): OutgoingHttpHeaders {
  return Object.fromEntries(headers.entries());
}
