import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport as RpcTransport } from "@connectrpc/connect";
import type { AcceptPipe, OpenPipe, Pipe, PipeListener } from "./pipe.ts";
import { PushQueue } from "./push-queue.ts";

/** Makes streaming calls over any Connect transport. */
export function openOver(transport: RpcTransport): OpenPipe {
  return (method, listener) => {
    const caller = new Caller(method, listener);
    void caller.run(transport);
    return caller;
  };
}

class Caller<I extends DescMessage, O extends DescMessage> implements Pipe<MessageShape<I>> {
  readonly #method: DescMethodBiDiStreaming<I, O>;
  readonly #abort = new AbortController();
  readonly #requests = new PushQueue<MessageShape<I>>();
  #listener: PipeListener<MessageShape<O>> | null;

  constructor(method: DescMethodBiDiStreaming<I, O>, listener: PipeListener<MessageShape<O>>) {
    this.#method = method;
    this.#listener = listener;
  }

  get bufferedBytes(): number {
    return this.#requests.bufferedBytes;
  }

  write(message: MessageShape<I>, sizeBytes: number): void {
    this.#requests.push(message, sizeBytes);
  }

  end(): void {
    this.#listener = null;
    this.#requests.end();
  }

  abort(): void {
    this.#listener = null;
    this.#requests.clear();
    this.#abort.abort(new ConnectError("this side has ended the stream", Code.Canceled));
  }

  async run(transport: RpcTransport): Promise<void> {
    try {
      // 0: no deadline, whatever the transport's default is for calls that end.
      const response = await transport.stream(
        this.#method,
        this.#abort.signal,
        0,
        undefined,
        this.#requests as AsyncIterable<never>,
      );
      for await (const message of response.message) this.#listener?.received(message);
      this.#ended(null);
    } catch (reason) {
      this.#ended(ConnectError.from(reason));
    }
  }

  #ended(error: ConnectError | null): void {
    const listener = this.#listener;
    this.#listener = null;
    this.#requests.clear();
    listener?.ended(error);
  }
}

/** The answer of a Connect handler, made from callbacks. `signal` is the one of its context. */
export function serveOver<In, Out>(
  requests: AsyncIterable<In>,
  signal: AbortSignal,
  accept: AcceptPipe<In, Out>,
): AsyncIterable<Out> {
  const callee = new Callee<In, Out>(signal);
  void callee.run(requests, accept(callee));
  return callee.responses;
}

class Callee<In, Out> implements Pipe<Out>, EventListenerObject {
  readonly responses: PushQueue<Out> = new PushQueue<Out>();
  readonly #signal: AbortSignal;
  #listener: PipeListener<In> | null = null;
  #isOver = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get bufferedBytes(): number {
    return this.responses.bufferedBytes;
  }

  write(message: Out, sizeBytes: number): void {
    this.responses.push(message, sizeBytes);
  }

  end(error?: ConnectError): void {
    this.#leave();
    this.responses.end(error ?? null);
  }

  abort(): void {
    this.#leave();
    this.responses.clear();
  }

  async run(requests: AsyncIterable<In>, listener: PipeListener<In>): Promise<void> {
    if (this.#isOver) return;
    this.#listener = listener;
    // The connection that breaks while nothing is read from it or written to it.
    this.#signal.addEventListener("abort", this);
    if (this.#signal.aborted) this.handleEvent();
    try {
      for await (const message of requests) {
        if (this.#isOver) return;
        this.#listener?.received(message);
      }
      this.#ended(null);
    } catch (reason) {
      this.#ended(ConnectError.from(reason));
    }
  }

  handleEvent(): void {
    this.#ended(ConnectError.from(this.#signal.reason, Code.Canceled));
  }

  #ended(error: ConnectError | null): void {
    const listener = this.#listener;
    this.#leave();
    listener?.ended(error);
    this.responses.end(error === null ? null : statusOf(error));
  }

  #leave(): void {
    this.#isOver = true;
    this.#listener = null;
    this.#signal.removeEventListener("abort", this);
  }
}

/** Connect takes bytes that are no protobuf for a fault of its own. */
function statusOf(error: ConnectError): ConnectError {
  if (!error.rawMessage.startsWith("parse binary")) return error;
  return new ConnectError(error.rawMessage, Code.InvalidArgument);
}
