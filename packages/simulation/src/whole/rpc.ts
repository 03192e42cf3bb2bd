import type { KvraftClientOptions, KvService } from "@eraft/kv";
import { CLIENT_TAIL_FACTOR } from "./plan.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

type ConnectTransport = ReturnType<KvraftClientOptions["connect"]>;
type CommandRequest = Parameters<KvService["command"]>[0];
type CommandResponse = Awaited<ReturnType<KvService["command"]>>;

/** What a caller gets to hear of a request. */
interface Reply {
  readonly ok: (response: CommandResponse, header: Headers) => void;
  readonly fail: (error: unknown) => void;
}

/** A service that waits longer than this leaves it to the node to end a call. */
const PATIENT_MS = 10_000;

/** A request that took so long had probably been given up. */
const LATE_MS = 150;

/**
 * The way from clients to one server, as the Connect transport that `KvraftClient` asks for. No HTTP and no bytes: what this is about is that
 * requests and answers are late or lost, and that servers die with requests in hand.
 */
export function connectTo(world: World, server: Server): ConnectTransport {
  const unary = (
    method: unknown,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    requestHeader: HeadersInit | undefined,
    request: unknown,
  ): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const header = new Headers();
    const envelope = { stream: false, service: {}, method, header, trailer: new Headers() };
    signal?.addEventListener("abort", () => reject(new Error("canceled")), { once: true });
    new Request(world, server, { timeoutMs, requestHeader: new Headers(requestHeader) }).send(
      request as CommandRequest,
      {
        ok: (message, answered) => {
          for (const [name, value] of answered) header.set(name, value);
          resolve({ ...envelope, message });
        },
        fail: reject,
      },
    );
    return promise;
  };
  return { unary, stream: noStreams } as unknown as ConnectTransport;
}

function noStreams(): never {
  throw new Error("the key-value service has no streams");
}

class Request {
  readonly #world: World;
  readonly #server: Server;
  readonly #timeoutMs: number | undefined;
  readonly #requestHeader: Headers;

  constructor(
    world: World,
    server: Server,
    options: { readonly timeoutMs: number | undefined; readonly requestHeader: Headers },
  ) {
    this.#world = world;
    this.#server = server;
    this.#timeoutMs = options.timeoutMs;
    this.#requestHeader = options.requestHeader;
  }

  send(request: CommandRequest, reply: Reply): void {
    this.#noteRetry(request);
    if (this.#isLost()) {
      this.#world.coverage.hit("requestLost");
      return;
    }
    const sentAt = this.#world.timeline.now;
    this.#later(() => {
      if (this.#world.timeline.now - sentAt > LATE_MS) this.#world.coverage.hit("lateRequest");
      this.#arrive(request, reply);
    });
  }

  #arrive(request: CommandRequest, reply: Reply): void {
    const { life, service } = this.#server;
    if (life === null || service === null) {
      this.#later(() => reply.fail(new Error("connection refused")));
      return;
    }
    // The connection of a process that dies is reset, or just goes silent.
    if (this.#world.random.clients.chance(0.5)) {
      life.onEnd(() => this.#later(() => reply.fail(new Error("connection reset"))));
    }
    life.enter("io", () => void this.#serve(service, request, reply));
  }

  async #serve(service: KvService, request: CommandRequest, reply: Reply): Promise<void> {
    const life = this.#server.life;
    const responseHeader = new Headers();
    // A service with a long limit of its own is not told the caller's either: then a call ends when the node ends it.
    const timeoutMs = this.#world.plan.node.timeLimitMs > PATIENT_MS ? undefined : this.#timeoutMs;
    // The caller's hanging up is not passed on: a server that does not notice is the harder case.
    const context = {
      signal: new AbortController().signal,
      timeoutMs: () => timeoutMs,
      requestHeader: this.#requestHeader,
      responseHeader,
    };
    let tell: () => void;
    try {
      const response = await service.command({ ...request }, context);
      tell = () => reply.ok(response, responseHeader);
    } catch (error) {
      if (isBusy(error)) this.#world.coverage.hit("busy");
      tell = () => reply.fail(error);
    }
    if (life === null || life.isOver) return;
    if (this.#isLost()) this.#world.coverage.hit("answerLost");
    else this.#later(tell);
  }

  /** Whether this command has been sent before, with the same ids. */
  #noteRetry({ clientId, commandId }: CommandRequest): void {
    if (clientId !== 0n && this.#world.isRetry(`${clientId}/${commandId}`)) {
      this.#world.coverage.hit("retried");
    }
  }

  #isLost(): boolean {
    const { isFaulty, plan, random } = this.#world;
    return isFaulty && random.clients.chance(plan.workload.loss);
  }

  #later(happen: () => void): void {
    const { random, plan, timeline, isFaulty } = this.#world;
    const { tail, delayMsMean } = plan.workload;
    const slow = isFaulty && random.clients.chance(tail) ? CLIENT_TAIL_FACTOR : 1;
    timeline.after(random.clients.exponential(slow * delayMsMean), "client network", happen);
  }
}

/** The status RESOURCE_EXHAUSTED. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === 8;
}
