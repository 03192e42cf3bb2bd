import { isName, isValue } from "./hpack/header-list.ts";

/** What a request begins with. Requests with the same headers on one connection may have the same object. */
export class RequestHead {
  readonly method: string;
  readonly path: string;
  readonly scheme: string;
  /** Of `:authority`, otherwise of `host`; undefined without both. */
  readonly authority: string | undefined;
  /** In the order in which they came: names in lower case, and values, in turn, without pseudo-headers. */
  readonly fields: readonly string[];
  /** Null without one. */
  readonly contentLength: number | null;
  /** The client waits to be told that it should go on (RFC 9110, 10.1.1). */
  readonly expectsContinue: boolean;
  /** For what the server has found out about such requests, as the route that they take. */
  memo: unknown = undefined;
  #headers: Readonly<Record<string, string>> | null = null;

  constructor(pseudo: ReadonlyMap<string, string>, fields: readonly string[], contentLength: number | null) {
    this.method = pseudo.get(":method") ?? "";
    this.path = pseudo.get(":path") ?? "";
    this.scheme = pseudo.get(":scheme") ?? "";
    this.fields = fields;
    this.contentLength = contentLength;
    this.expectsContinue = valueOf(fields, "expect")?.toLowerCase() === "100-continue";
    this.authority = pseudo.get(":authority") ?? valueOf(fields, "host");
  }

  /** By their names, as Node's own server has them: values of one name are joined, or the first counts if there may be only one. */
  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= joined(this.fields);
    return this.#headers;
  }
}

const PSEUDO = new Set([":method", ":scheme", ":authority", ":path"]);
/** They are about a connection, and HTTP/2 has other means for that (RFC 9113, 8.2.2). */
const OF_CONNECTIONS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const SINGLE = new Set(
  (
    "age authorization access-control-max-age content-encoding content-language content-length content-location content-md5 content-range " +
    "content-type date etag expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location " +
    "max-forwards proxy-authorization range referer retry-after user-agent"
  ).split(" "),
);

/** The head of a request with these fields; null if they are malformed (RFC 9113, 8.1.1). */
export function requestHeadOf(fields: readonly string[]): RequestHead | null {
  const pseudo = new Map<string, string>();
  let i = 0;
  for (; i < fields.length && (fields[i] ?? "").startsWith(":"); i += 2) {
    const [name, value] = [fields[i] ?? "", fields[i + 1] ?? ""];
    if (!PSEUDO.has(name) || pseudo.has(name) || !isValue(value)) return null;
    pseudo.set(name, value);
  }
  const regular = fields.slice(i);
  if (!areRegular(regular)) return null;
  const isConnect = pseudo.get(":method") === "CONNECT";
  const needed = isConnect ? [":authority"] : [":method", ":scheme", ":path"];
  for (const name of needed) if ((pseudo.get(name) ?? "") === "") return null;
  if (isConnect && (pseudo.has(":scheme") || pseudo.has(":path"))) return null;
  const length = contentLengthIn(regular);
  return length === undefined ? null : new RequestHead(pseudo, regular, length);
}

/** Whether they may be the trailers of a request. */
export function areRegular(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i] ?? "", fields[i + 1] ?? ""];
    if (name.startsWith(":") || !isName(name) || !isValue(value)) return false;
    if (OF_CONNECTIONS.has(name) || (name === "te" && value !== "trailers")) return false;
  }
  return true;
}

/** Undefined if it is no length, or there are several. */
function contentLengthIn(fields: readonly string[]): number | null | undefined {
  let length: number | null = null;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== "content-length") continue;
    const value = fields[i + 1] ?? "";
    if (length !== null || !/^\d{1,15}$/.test(value)) return undefined;
    length = Number(value);
  }
  return length;
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}

function joined(fields: readonly string[]): Readonly<Record<string, string>> {
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i] ?? "", fields[i + 1] ?? ""];
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (!SINGLE.has(name)) headers[name] = `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}
