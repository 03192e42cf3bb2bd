import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { KvClientOptions, KvV1Service } from "@eraft/kv";
import { CLIENT_TAIL_FACTOR } from "./plan.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

type ConnectTransport = ReturnType<KvClientOptions["connect"]>;

/** The calls with one answer, by the names of their methods. */
type Unary = (
  request: Message,
  context: { signal: AbortSignal; timeoutMs: () => undefined },
) => Promise<Message>;

/** The way from `KvClient` to one server, as rpc.ts has it for the other contract: requests and answers are late or lost, and servers die with them in hand. */
export function connectV1(world: World, server: Server): ConnectTransport {
  const unary = (
    method: DescMethod,
    signal: AbortSignal | undefined,
    _timeoutMs: number | undefined,
    _header: HeadersInit | undefined,
    init: Record<string, unknown>,
  ): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const fail = (error: unknown): void => reject(ConnectError.from(error));
    signal?.addEventListener("abort", () => fail(new ConnectError("canceled", Code.Canceled)), {
      once: true,
    });
    const envelope = {
      stream: false,
      service: method.parent,
      method,
      header: new Headers(),
      trailer: new Headers(),
    };
    const request = create(method.input, init);
    if (isLost(world)) world.coverage.hit("requestLost");
    else
      later(world, () =>
        arrive(world, server, { method, request, ok: (message) => resolve({ ...envelope, message }), fail }),
      );
    return promise;
  };
  return { unary, stream: noStreams } as unknown as ConnectTransport;
}

interface Arriving {
  readonly method: DescMethod;
  readonly request: Message;
  readonly ok: (message: Message) => void;
  readonly fail: (error: unknown) => void;
}

function arrive(world: World, server: Server, { method, request, ok, fail }: Arriving): void {
  const { life, kvV1 } = server;
  if (life === null || kvV1 === null) {
    later(world, () => fail(new ConnectError("connection refused", Code.Unavailable)));
    return;
  }
  if (world.random.clients.chance(0.5)) {
    life.onEnd(() => later(world, () => fail(new ConnectError("connection reset", Code.Aborted))));
  }
  life.enter("io", () => {
    void (async () => {
      let tell: () => void;
      try {
        const message = await serve(kvV1, method, request);
        tell = () => ok(message);
      } catch (error) {
        tell = () => fail(error);
      }
      if (life.isOver) return;
      if (isLost(world)) world.coverage.hit("answerLost");
      else later(world, tell);
    })();
  });
}

function serve(service: KvV1Service, method: DescMethod, request: Message): Promise<Message> {
  const call = service[method.localName as keyof KvV1Service] as unknown as Unary;
  return call.call(service, request, { signal: new AbortController().signal, timeoutMs: () => undefined });
}

function noStreams(): never {
  throw new Error("here the key-value service has no streams");
}

function isLost({ isFaulty, plan, random }: World): boolean {
  return isFaulty && random.clients.chance(plan.workload.loss);
}

function later({ random, plan, timeline, isFaulty }: World, happen: () => void): void {
  const { tail, delayMsMean } = plan.workload;
  const slow = isFaulty && random.clients.chance(tail) ? CLIENT_TAIL_FACTOR : 1;
  timeline.after(random.clients.exponential(slow * delayMsMean), "client network", happen);
}
