import { type ClientHttp2Session, connect } from "node:http2";

const FRAME_BYTES = 5;

/** The server answered with a status other than OK, or not at all (status null). */
export class CallError extends Error {
  readonly status: number | null;

  constructor(status: number | null, message: string) {
    super(message);
    this.name = "CallError";
    this.status = status;
  }
}

/** Messages with the five bytes in front that gRPC asks for. */
export function frame(payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_BYTES + payload.length);
  framed[0] = 0;
  framed.writeUInt32BE(payload.length, 1);
  framed.set(payload, FRAME_BYTES);
  return framed;
}

/** gRPC's unary calls over one HTTP/2 connection without TLS, the same for every server. */
export class GrpcClient {
  readonly #address: string;
  #session: ClientHttp2Session | null = null;

  /** `address` is HOST:PORT. Connects with the first call. */
  constructor(address: string) {
    this.#address = address;
  }

  /** @throws CallError */
  call(
    path: string,
    payload: Uint8Array,
    options: { readonly timeoutMs?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const request = this.#connected().request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...options.headers,
    });
    const chunks: Buffer[] = [];
    let status: string | null = null;
    let detail = "";
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      const given = headers["grpc-status"];
      if (typeof given !== "string") return;
      status = given;
      const text = headers["grpc-message"];
      detail = typeof text === "string" ? text : "";
    };
    request.on("response", look);
    request.on("trailers", look);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("error", (error) => reject(new CallError(null, error.message)));
    request.once("close", () => {
      const body = Buffer.concat(chunks);
      if (status === null) reject(new CallError(null, "the call was cut off"));
      else if (status !== "0") reject(new CallError(Number(status), detail));
      else if (body.length < FRAME_BYTES) reject(new CallError(null, "an answer without a message"));
      else resolve(body.subarray(FRAME_BYTES));
    });
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) request.setTimeout(timeoutMs, () => request.close());
    request.end(frame(payload));
    return promise;
  }

  close(): void {
    this.#session?.destroy();
    this.#session = null;
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== null && !this.#session.destroyed && !this.#session.closed) return this.#session;
    const session = connect(`http://${this.#address}`);
    // Every call under way hears of it by itself.
    session.on("error", () => {});
    this.#session = session;
    return session;
  }
}
