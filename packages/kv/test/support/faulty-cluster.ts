import {
  Code,
  ConnectError,
  type HandlerContext,
  type Transport,
  createRouterTransport,
} from "@connectrpc/connect";
import { KvClient, type KvClientOptions } from "@eraft/kv";
import {
  KvService,
  Reason,
  type Serial,
  type StreamCall,
  type StreamRequest,
  type StreamResponse,
  type WatchRequest,
  type WatchResponse,
} from "@eraft/proto/eraft/kv/v1";
import { never } from "./fake-node.ts";
import { FakeStore, failure } from "./fake-store.ts";
import { ManualClock } from "./manual-clock.ts";

/** A request as it arrived. */
export interface Arrived {
  readonly address: string;
  readonly method: string;
  readonly serial: Serial | undefined;
}

/** What a server makes of a request; `serve` does what a leader does. */
export type Fault = (serve: () => Promise<unknown>, arrived: Arrived) => Promise<unknown>;
/** The same for a watch: `serve` tells what there is to tell. */
export type WatchFault = (
  serve: () => AsyncIterable<WatchResponse>,
  request: WatchRequest,
) => AsyncIterable<WatchResponse>;

/** And for a stream: `serve` answers to the requests. */
export type StreamFault = (
  serve: (requests?: AsyncIterable<StreamRequest>) => AsyncIterable<StreamResponse>,
  requests: AsyncIterable<StreamRequest>,
) => AsyncIterable<StreamResponse>;

export const serving: Fault = (serve) => serve();
export const hanging: Fault = never;
export const dead: Fault = async () => {
  throw new ConnectError("connection refused", Code.Unavailable);
};
/** Does it, and the answer is lost on the way. */
export const losingReply: Fault = async (serve) => {
  await serve().catch(() => {});
  throw new ConnectError("http/2 stream closed with error code CANCEL", Code.Canceled);
};
/** As `reason` says, of writes and openSession; reads are served. */
export function refusing(...[reason, details]: Parameters<typeof failure>): Fault {
  return async () => {
    throw failure(reason, details);
  };
}
export const notLeading = (leaderAddress = ""): Fault => refusing(Reason.NOT_LEADER, { leaderAddress });

/** Several addresses that fail as they are told, and behind them all one store that is always right. */
export class FaultyCluster {
  readonly clock: ManualClock = new ManualClock();
  readonly store: FakeStore = new FakeStore();
  readonly addresses: readonly string[];
  /** What becomes of the next requests at an address, in order; the last one stays. */
  readonly faults: Map<string, Fault[]>;
  /** What becomes of the next watches at an address, in order; without any they are served. */
  readonly watchFaults: Map<string, WatchFault[]> = new Map();
  /** What becomes of the next streams at an address, in order; without any they are served. */
  readonly streamFaults: Map<string, StreamFault[]> = new Map();
  /** The addresses at which streams were opened, in order. */
  readonly streams: string[] = [];
  /** The calls of each message of any stream. */
  readonly messages: StreamCall[][] = [];
  /** How far behind the store a server is when it tells a watch. */
  readonly behind: Map<string, bigint> = new Map();
  readonly arrived: Arrived[] = [];
  readonly connected: string[] = [];
  /** Watches that arrived. */
  readonly watches: {
    readonly address: string;
    readonly fromRevision: bigint;
    readonly signal: AbortSignal;
  }[] = [];
  /** Responses to watches that were asked for. */
  responses = 0;

  constructor(faults: Readonly<Record<string, Fault | readonly Fault[]>>) {
    this.addresses = Object.keys(faults);
    this.faults = new Map(
      Object.entries(faults).map(([address, fault]) => [
        address,
        typeof fault === "function" ? [fault] : [...fault],
      ]),
    );
  }

  client(options: Partial<KvClientOptions> = {}): KvClient {
    return new KvClient({
      addresses: this.addresses,
      connect: (address) => this.#connect(address),
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
  }

  /** The addresses that were asked, in order. */
  get asked(): readonly string[] {
    return this.arrived.map(({ address }) => address);
  }

  /** Serials of the writes that arrived, as `session/sequence<first unanswered`. */
  get serials(): readonly string[] {
    return this.arrived.flatMap(({ serial }) =>
      serial === undefined ? [] : [`${serial.sessionId}/${serial.sequence}<${serial.firstUnanswered}`],
    );
  }

  #connect(address: string): Transport {
    this.connected.push(address);
    const behind = (): bigint => this.behind.get(address) ?? 0n;
    const service = this.store.service(() => this.store.revision - behind());
    const unary = ["get", "put", "delete", "compareAndSwap", "scan", "batch", "openSession"].map((method) => [
      method,
      async (request: { readonly serial?: Serial }, context: HandlerContext) => {
        const arrived = { address, method, serial: request.serial };
        this.arrived.push(arrived);
        const faults = this.faults.get(address) ?? [];
        const fault = (faults.length > 1 ? faults.shift() : faults[0]) ?? dead;
        const serve = service[method as "get"] as unknown as (...args: readonly unknown[]) => unknown;
        return fault(async () => serve(request, context), arrived);
      },
    ]);
    return createRouterTransport((router) => {
      router.service(KvService, {
        ...service,
        ...(Object.fromEntries(unary) as object),
        watch: (request, context) => this.#watch(address, request, context),
        stream: (requests) => this.#stream(address, requests),
      });
    });
  }

  async *#watch(
    address: string,
    request: WatchRequest,
    context: HandlerContext,
  ): AsyncGenerator<WatchResponse> {
    this.watches.push({ address, fromRevision: request.fromRevision, signal: context.signal });
    const shown = (): bigint => this.store.revision - (this.behind.get(address) ?? 0n);
    const serve = (): AsyncIterable<WatchResponse> => this.store.watch(request, shown, context.signal);
    const fault = this.watchFaults.get(address)?.shift();
    for await (const response of fault === undefined ? serve() : fault(serve, request)) {
      this.responses += 1;
      yield response;
    }
  }

  #stream(address: string, requests: AsyncIterable<StreamRequest>): AsyncIterable<StreamResponse> {
    this.streams.push(address);
    const noted = this.#noting(requests);
    const serve = (given: AsyncIterable<StreamRequest> = noted): AsyncIterable<StreamResponse> =>
      this.store.stream(given) as AsyncIterable<StreamResponse>;
    const fault = this.streamFaults.get(address)?.shift();
    return fault === undefined ? serve() : fault(serve, noted);
  }

  async *#noting(requests: AsyncIterable<StreamRequest>): AsyncGenerator<StreamRequest> {
    for await (const request of requests) {
      this.messages.push(request.calls);
      yield request;
    }
  }
}
