/** The static table (RFC 7541, Appendix A): names and values in turn, from index 1. */
export const STATIC_FIELDS: readonly string[] = fieldsIn(`
  :authority
  :method: GET
  :method: POST
  :path: /
  :path: /index.html
  :scheme: http
  :scheme: https
  :status: 200
  :status: 204
  :status: 206
  :status: 304
  :status: 400
  :status: 404
  :status: 500
  accept-charset
  accept-encoding: gzip, deflate
  accept-language
  accept-ranges
  accept
  access-control-allow-origin
  age
  allow
  authorization
  cache-control
  content-disposition
  content-encoding
  content-language
  content-length
  content-location
  content-range
  content-type
  cookie
  date
  etag
  expect
  expires
  from
  host
  if-match
  if-modified-since
  if-none-match
  if-range
  if-unmodified-since
  last-modified
  link
  location
  max-forwards
  proxy-authenticate
  proxy-authorization
  range
  referer
  refresh
  retry-after
  server
  set-cookie
  strict-transport-security
  transfer-encoding
  user-agent
  vary
  via
  www-authenticate
`);

export const STATIC_ENTRIES: number = STATIC_FIELDS.length / 2;

/** The first index with a name, and the index with name and value. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  Array.from({ length: STATIC_ENTRIES }, (_, i): [string, number] => [
    STATIC_FIELDS[2 * (STATIC_ENTRIES - 1 - i)] ?? "",
    STATIC_ENTRIES - i,
  ]),
);

export const STATIC_PAIRS: ReadonlyMap<string, number> = new Map(
  Array.from({ length: STATIC_ENTRIES }, (_, i): [string, number] => [
    `${STATIC_FIELDS[2 * i]}\0${STATIC_FIELDS[2 * i + 1]}`,
    i + 1,
  ]),
);

function fieldsIn(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [, name, value] = /^\s*(:?[a-z-]+)(?:: (.*))?$/.exec(line) ?? [];
      return [name ?? "", value ?? ""];
    });
}
