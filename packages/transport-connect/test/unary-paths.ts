import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { KVService } from "@eraft/proto/kvraftpb";
import type { CommandRequest, CommandResponse } from "@eraft/proto/kvraftpb";
import { CommandRequestSchema, CommandResponseSchema } from "@eraft/proto/kvraftpb";
import { registerUnary } from "@eraft/transport-connect";
import type { UnaryBytesHandler, UnaryContext, UnaryHandler } from "@eraft/transport-connect";
import { serve } from "@eraft/transport-connect/node";
import type { RpcServer, ServerLimits } from "@eraft/transport-connect/node";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { EngineName } from "./engines.ts";

export type Handle = (
  request: CommandRequest,
  context: UnaryContext,
) => Partial<CommandResponse> | Promise<Partial<CommandResponse>>;

/** How a method is served: by Connect, straight on HTTP/2, or there from its bytes. */
export type Path = "connect" | "direct" | "bytes";

/** How a method is served, and by whose HTTP/2. */
export interface Serving {
  readonly path: Path;
  readonly engine: EngineName;
}

export const COMMAND = "/kvraftpb.KVService/Command";

/** What a caller sees of an answer. */
export interface Seen {
  readonly httpStatus: unknown;
  readonly contentType: unknown;
  readonly headers: http2.IncomingHttpHeaders;
  /** Null when the stream ended without any. */
  readonly status: string | null;
  readonly message: string;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly resetCode: number;
}

/** A server of `KVService/Command` with a way to call it byte by byte. */
export class UnaryServerUnderTest {
  readonly server: RpcServer;
  #session: http2.ClientHttp2Session | null = null;

  constructor(
    { engine, path }: Serving,
    handle: Handle,
    limits: Partial<ServerLimits> = {},
    readMaxBytes?: number,
  ) {
    this.server = serve({
      host: "127.0.0.1",
      port: 0,
      engine,
      direct: path !== "connect",
      limits,
      routes: (router) =>
        registerUnary(
          router,
          KVService.method.command,
          handle as UnaryHandler<typeof CommandRequestSchema, typeof CommandResponseSchema>,
          {
            ...(readMaxBytes === undefined ? {} : { readMaxBytes }),
            ...(path === "bytes" ? { handleBytes: fromBytes(handle) } : {}),
          },
        ),
    });
  }

  async session(): Promise<http2.ClientHttp2Session> {
    const { host, port } = await this.server.listening;
    this.#session ??= http2.connect(`http://${host}:${port}`).on("error", () => {});
    return this.#session;
  }

  async open(headers: http2.OutgoingHttpHeaders = {}): Promise<http2.ClientHttp2Stream> {
    const session = await this.session();
    const stream = session.request({
      ":method": "POST",
      ":path": COMMAND,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** Calls with these chunks as its request, each in a frame of its own. */
  async call(chunks: readonly Uint8Array[], headers: http2.OutgoingHttpHeaders = {}): Promise<Seen> {
    const stream = await this.open(headers);
    const answer = seen(stream);
    for (const chunk of chunks) await new Promise((resolve) => stream.write(chunk, resolve));
    stream.end();
    return answer;
  }

  async close(): Promise<void> {
    this.#session?.destroy();
    await this.server.close();
  }
}

/** The same handler, for whoever has the bytes of a request. Leaves to the other one what it does not understand. */
function fromBytes(handle: Handle): UnaryBytesHandler {
  return (bytes, context) => {
    let request: CommandRequest;
    try {
      request = fromBinary(CommandRequestSchema, bytes);
    } catch {
      return null;
    }
    if (request.key === LEFT_TO_THE_OTHER) return null;
    const answer = handle(request, context);
    return answer instanceof Promise ? answer.then(encode) : encode(answer);
  };
}

function encode(answer: Partial<CommandResponse>): Uint8Array {
  try {
    return toBinary(CommandResponseSchema, create(CommandResponseSchema, answer as never));
  } catch (reason) {
    throw new ConnectError(`serialize binary: ${String(reason)}`, Code.Internal);
  }
}

/** A key whose requests the handler of bytes would rather have as messages. */
export const LEFT_TO_THE_OTHER = "left to the other";

/** What is to be seen of an answer, once it has ended. */
export async function seen(stream: http2.ClientHttp2Stream): Promise<Seen> {
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on("response", (found) => (headers = found));
  stream.on("trailers", (found) => (trailers = found));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = Promise.race([once(stream, "end"), once(stream, "close")]);
  await ended.catch(() => {});
  const from = trailers["grpc-status"] === undefined ? headers : trailers;
  return {
    httpStatus: headers[":status"],
    contentType: headers["content-type"],
    headers: plain(headers),
    status: from["grpc-status"] === undefined ? null : String(from["grpc-status"]),
    message: decodeURIComponent(String(from["grpc-message"] ?? "")),
    trailers: plain(trailers),
    body: Buffer.concat(chunks),
    resetCode: stream.rstCode ?? 0,
  };
}

export function envelope(bytes: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([prefix, bytes]);
}

export function commandOf(fields: Partial<CommandRequest>): Buffer {
  return envelope(toBinary(CommandRequestSchema, create(CommandRequestSchema, fields as never)));
}

/** Without what Node notes about them. */
function plain(headers: http2.IncomingHttpHeaders): http2.IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers));
}
