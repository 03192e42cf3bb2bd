import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import {
  ExchangeRequestSchema,
  HelloSchema,
  InstallSnapshotRequestSchema,
  Lane,
  PeerService,
} from "@eraft/proto/eraft/peer/v1";
import type { ExchangeResponse, Hello, InstallSnapshotResponse } from "@eraft/proto/eraft/peer/v1";
import type { OpenPipe, Pipe, PipeListener } from "../src/stream/pipe.ts";
import { Inbox } from "./support.ts";

/** What a stream brings, kept for a test to look at. */
class Listener<Frame> implements PipeListener<Frame> {
  readonly frames = new Inbox<Frame>();
  readonly over: Promise<ConnectError | null>;
  readonly #end: (error: ConnectError | null) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<ConnectError | null>();
    this.over = promise;
    this.#end = resolve;
  }

  received(frame: Frame): void {
    this.frames.push(frame);
  }

  ended(error: ConnectError | null): void {
    this.#end(error);
  }
}

type HelloFields = Omit<MessageInitShape<typeof HelloSchema>, "$typeName">;

/** Server 1 calls server 2, unless told otherwise. */
export function helloOf(fields: HelloFields = {}): Hello {
  return create(HelloSchema, { versionMin: 1, versionMax: 1, from: 1n, to: 2n, run: 11n, ...fields });
}

/** An Exchange whose caller says what the test tells it to. */
export class RawExchange extends Listener<ExchangeResponse> {
  readonly pipe: Pipe<ReturnType<typeof create<typeof ExchangeRequestSchema>>>;

  constructor(open: OpenPipe) {
    super();
    this.pipe = open(PeerService.method.exchange, this);
  }

  send(fields: Omit<MessageInitShape<typeof ExchangeRequestSchema>, "$typeName">): void {
    this.pipe.write(create(ExchangeRequestSchema, fields), 0);
  }

  hello(fields: HelloFields = {}, lane: Lane = Lane.CONTROL): void {
    this.send({ hello: helloOf(fields), lane });
  }
}

/** An InstallSnapshot, likewise. */
export class RawInstall extends Listener<InstallSnapshotResponse> {
  readonly pipe: Pipe<ReturnType<typeof create<typeof InstallSnapshotRequestSchema>>>;

  constructor(open: OpenPipe) {
    super();
    this.pipe = open(PeerService.method.installSnapshot, this);
  }

  send(fields: Omit<MessageInitShape<typeof InstallSnapshotRequestSchema>, "$typeName">): void {
    this.pipe.write(create(InstallSnapshotRequestSchema, fields), 0);
  }

  /** Begins, or goes on with, transfer 1: server 1's snapshot up to index 9. */
  begin(
    header: Omit<MessageInitShape<typeof InstallSnapshotRequestSchema>["header"] & {}, "$typeName">,
    hello: HelloFields = {},
  ): void {
    const defaults = { transfer: 1n, sequence: 73n, term: 5n, lastIncludedIndex: 9n, lastIncludedTerm: 4n };
    this.send({ hello: helloOf(hello), header: { ...defaults, ...header } });
  }
}
