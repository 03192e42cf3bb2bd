import * as http2 from "node:http2";
import * as net from "node:net";
import { withTimeLimit } from "../../src/time-limit.ts";
import { HANGS_AFTER_MS } from "../support/hangs.ts";
import { reset } from "../support/reset.ts";
import type { Input, RawInput, StreamInput } from "./input.ts";

/** Well below the 256 streams that a connection may have. */
const STREAMS = 64;

/** How long an attacker on a connection of its own waits for more after the first answer. */
const AFTER_ANSWER_MS = 20;

/** What an input was answered with, as it is counted. */
export type Verdict = { readonly status: string; readonly isExpected: boolean };

/** A client that does what no client should. */
export class Attacker {
  readonly #port: number;
  readonly #silenceMs: number;
  readonly #sessions: (http2.ClientHttp2Session | null)[];
  readonly #hanging = new Set<http2.ClientHttp2Stream>();
  /** Every connection that is not closed yet, also those that take no more requests. */
  readonly #connections = new Set<http2.ClientHttp2Session>();
  /** Requests that are under way, those that hang included, and of what kind they are. */
  readonly #requests = new Map<http2.ClientHttp2Stream, string>();
  #next = 0;

  /** On a connection of its own it waits for `silenceMs`; some input is only the beginning of something. */
  constructor(port: number, sessions: number, silenceMs: number) {
    this.#port = port;
    this.#silenceMs = silenceMs;
    this.#sessions = Array.from({ length: sessions }, () => null);
  }

  /** Inputs that may be under way at a time. */
  get width(): number {
    return this.#sessions.length * STREAMS;
  }

  send(input: Input): Promise<Verdict> {
    return input.type === "raw" ? this.#raw(input) : this.#stream(input);
  }

  /** Ends everything, abruptly for what hangs. Resolves once every connection is closed; rejects with what is open if one never is. */
  async leave(): Promise<void> {
    for (const stream of this.#hanging) stream.close(http2.constants.NGHTTP2_CANCEL);
    const closed = [...this.#connections].map((session) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      session.once("close", resolve);
      session.close();
      return promise;
    });
    await withTimeLimit(Promise.all(closed), HANGS_AFTER_MS, () => {
      const kinds = [...new Set(this.#requests.values())].join(", ") || "none";
      return new Error(`${this.#connections.size} connections do not close; requests open on them: ${kinds}`);
    });
  }

  #session(): http2.ClientHttp2Session {
    this.#next = (this.#next + 1) % this.#sessions.length;
    const existing = this.#sessions[this.#next];
    if (existing !== null && existing !== undefined && !existing.closed && !existing.destroyed)
      return existing;
    const session = http2.connect(`http://127.0.0.1:${this.#port}`, { maxSessionMemory: 100 });
    // The server may end it: that is an answer to what was on it.
    session.on("error", () => {});
    session.on("goaway", () => session.close());
    session.once("close", () => this.#connections.delete(session));
    this.#connections.add(session);
    this.#sessions[this.#next] = session;
    return session;
  }

  #stream(input: StreamInput): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const stream = this.#session().request(input.headers, { endStream: false });
    this.#requests.set(stream, input.kind);
    let http: string | null = null;
    let grpc: string | null = null;
    stream.on("response", (headers) => {
      http = String(headers[":status"]);
      grpc = textOf(headers["grpc-status"]);
    });
    stream.on("trailers", (trailers) => (grpc ??= textOf(trailers["grpc-status"])));
    stream.on("error", () => {});
    stream.resume();
    const timer = setTimeout(() => {
      if (input.ending === "hang") return;
      resolve({ status: "no answer", isExpected: false });
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }, HANGS_AFTER_MS);
    stream.on("close", () => {
      clearTimeout(timer);
      this.#requests.delete(stream);
      this.#hanging.delete(stream);
      resolve(verdictOf(input, http, grpc));
    });
    if (input.body !== null) stream.write(input.body);
    if (input.ending === "end") stream.end();
    if (input.ending === "reset") stream.close(http2.constants.NGHTTP2_CANCEL);
    if (input.ending === "hang") {
      this.#hanging.add(stream);
      resolve({ status: "-", isExpected: true });
      // Some go on hanging until the chunk ends, but not so many that nothing else finds room.
      if (this.#hanging.size > STREAMS / 2) {
        for (const oldest of this.#hanging) {
          oldest.close(http2.constants.NGHTTP2_CANCEL);
          break;
        }
      }
    }
    return promise;
  }

  /** Writes, and resets the connection when the server has answered, or has nothing to say. */
  #raw(input: RawInput): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const socket = net.connect({ port: this.#port, host: "127.0.0.1", allowHalfOpen: true });
    let status = "closed";
    const limit = setTimeout(() => {
      resolve({ status: "not closed", isExpected: false });
      socket.destroy();
    }, HANGS_AFTER_MS);
    let timer = setTimeout(() => {
      status = "silence";
      reset(socket);
    }, this.#silenceMs);
    socket.on("error", () => {});
    socket.once("data", (bytes: Buffer) => {
      const text = bytes.subarray(0, 12).toString("latin1");
      status = text.startsWith("HTTP/") ? `http ${text.slice(9)}` : "frames";
      clearTimeout(timer);
      // A server of HTTP/2 speaks before it has read anything.
      timer = setTimeout(() => reset(socket), AFTER_ANSWER_MS);
    });
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(timer);
      clearTimeout(limit);
      resolve({ status, isExpected: true });
    });
    if (input.halfClose) socket.end(input.bytes);
    else socket.write(input.bytes);
    return promise;
  }
}

function verdictOf(input: StreamInput, http: string | null, grpc: string | null): Verdict {
  let status = "reset";
  if (grpc !== null) status = grpc;
  else if (http !== null) status = `http ${http}`;
  if (input.expected === null) return { status: "-", isExpected: true };
  return { status, isExpected: [...input.expected].map(String).includes(status) };
}

function textOf(value: string | string[] | undefined): string | null {
  return value === undefined ? null : String(value);
}
