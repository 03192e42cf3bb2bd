import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { PeerIdentity } from "@eraft/core";
import { Lane, PeerService } from "@eraft/proto/eraft/peer/v1";
import type {
  ExchangeRequest,
  ExchangeResponse,
  Request,
  Response,
  Welcome,
} from "@eraft/proto/eraft/peer/v1";
import type { PeerConnection } from "@eraft/transport-connect";
import { encodeIdentity } from "../src/codec/peer/identity.ts";
import type { Pipe, PipeListener } from "../src/stream/pipe.ts";
import { Inbox } from "./support.ts";

/** The far end of a stream that a transport under test has opened: what it wrote, and a way to say something back. */
export class FakePipe implements Pipe<ExchangeRequest> {
  readonly address: string;
  readonly frames: ExchangeRequest[] = [];
  readonly bufferedBytes = 0;
  readonly #listener: PipeListener<ExchangeResponse>;
  /** How this side has left. */
  over: "ended" | "aborted" | null = null;

  constructor(address: string, listener: PipeListener<ExchangeResponse>) {
    this.address = address;
    this.#listener = listener;
  }

  write(frame: ExchangeRequest): void {
    this.frames.push(frame);
  }

  end(): void {
    this.over = "ended";
  }

  abort(): void {
    this.over = "aborted";
  }

  get lane(): Lane | undefined {
    return this.frames[0]?.lane;
  }

  /** The requests after the hello, frame by frame. */
  get batches(): readonly (readonly Request[])[] {
    return this.frames.slice(1).map(({ requests }) => requests);
  }

  welcome(fields: Partial<Welcome> = {}, identity?: PeerIdentity): void {
    const welcome: Welcome = {
      $typeName: "eraft.peer.v1.Welcome",
      version: 1,
      from: 2n,
      run: 77n,
      ...(identity && { identity: encodeIdentity(identity) }),
      ...fields,
    };
    this.say({ welcome });
  }

  answer(...responses: Response[]): void {
    this.say({ responses });
  }

  say(fields: Partial<ExchangeResponse>): void {
    if (this.over !== null) return;
    this.#listener.received({ $typeName: "eraft.peer.v1.ExchangeResponse", responses: [], ...fields });
  }

  /** The stream ends, with an error of the peer or of the connection. */
  break(error: ConnectError | null): void {
    if (this.over === null) this.#listener.ended(error);
  }
}

export const LOST: ConnectError = new ConnectError("the connection was lost", Code.Canceled);
export const UNIMPLEMENTED: ConnectError = new ConnectError("unknown method", Code.Unimplemented);

interface UnaryCall {
  readonly message: { readonly $typeName: string };
  readonly resolve: (message: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Connections whose other ends the test plays. */
export class FakePeers {
  readonly pipes = new Inbox<FakePipe>();
  readonly calls = new Inbox<UnaryCall>();
  readonly closed: string[] = [];
  connections = 0;

  readonly connect = (address: string): PeerConnection => {
    this.connections += 1;
    const open = <I extends DescMessage, O extends DescMessage>(
      method: DescMethodBiDiStreaming<I, O>,
      listener: PipeListener<MessageShape<O>>,
    ): Pipe<MessageShape<I>> => {
      if (method.name !== PeerService.method.exchange.name) throw new Error("not played here");
      const pipe = new FakePipe(address, listener as unknown as PipeListener<ExchangeResponse>);
      this.pipes.push(pipe);
      return pipe as unknown as Pipe<MessageShape<I>>;
    };
    const unary = (...[method, signal, , , message]: Parameters<PeerConnection["unary"]>) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      signal?.addEventListener("abort", () => reject(signal.reason));
      this.calls.push({ message: message as UnaryCall["message"], resolve, reject });
      const header = new Headers();
      return promise.then((message) => ({ stream: false, method, header, trailer: header, message }));
    };
    const connection: Partial<Record<keyof PeerConnection, unknown>> = {
      unary,
      open,
      close: () => void this.closed.push(address),
    };
    return connection as PeerConnection;
  };
}

/** By the next turn of the event loop every microtask has had its say. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
