import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";

/** This side's end of a stream. Callbacks, not promises: replication sends thousands of messages a second and waits for none of them. */
export interface Pipe<Out> {
  /** Bytes of messages that are written and that the connection has not taken yet. */
  readonly bufferedBytes: number;
  /** Sends a message of about `sizeBytes`. Does nothing once the stream has ended. */
  write(message: Out, sizeBytes: number): void;
  /**
   * Ends the stream after what was written: the caller says that it has no more requests, the one that is called gives its status, `error` or
   * success. The listener hears nothing more.
   */
  end(error?: ConnectError): void;
  /** Breaks the stream at once. The listener hears nothing more. */
  abort(): void;
}

export interface PipeListener<In> {
  received(message: In): void;
  /**
   * The other side has ended the stream, or the connection broke; null if properly. Comes once and last, and not after this side's own end.
   * `isOurs`: somebody else on this side has ended it.
   */
  ended(error: ConnectError | null, isOurs?: boolean): void;
}

/** Makes a call with a stream in both directions. What goes wrong, at whatever time, is told to the listener, later. */
export type OpenPipe = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodBiDiStreaming<I, O>,
  listener: PipeListener<MessageShape<O>>,
) => Pipe<MessageShape<I>>;

/** Takes a call with a stream in both directions: is given this side's end and says who listens to the other. */
export type AcceptPipe<In, Out> = (pipe: Pipe<Out>) => PipeListener<In>;
