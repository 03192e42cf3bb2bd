import { Code, ConnectError, type Transport, createRouterTransport } from "@connectrpc/connect";
import {
  type CommandRequest,
  KVService,
  type CommandResponse,
  CommandResponseSchema,
  Op,
} from "@eraft/proto/kvraftpb";
import { create } from "@bufbuild/protobuf";
import {
  CONSISTENCY_HEADER,
  KvraftClient,
  type KvraftClientOptions,
  LEADER_HEADER,
  kvService,
} from "@eraft/kv";
import { FakeNode, never } from "./fake-node.ts";
import { ManualClock } from "./manual-clock.ts";

/** What a scripted server does with a command. `serve` does what a leader does and answers like one. */
export type Script = (
  request: CommandRequest,
  serve: () => Promise<CommandResponse>,
  headers: Headers,
) => Promise<CommandResponse> | CommandResponse;

export const serving: Script = (_request, serve) => serve();
/** A follower that asks its leader what it needs to know for a read. */
export const reading: Script = (request, serve) =>
  request.op === Op.GET ? serve() : create(CommandResponseSchema, { err: "ErrWrongLeader" });
export const hanging: Script = never;
export const dead: Script = () => {
  throw new ConnectError("connection refused", Code.Unavailable);
};
/** Does it, and the answer, whatever it is, is lost on the way. */
export const losingReply: Script = async (_request, serve) => {
  await serve().catch(() => {});
  throw new ConnectError("http/2 stream closed with error code CANCEL", Code.Canceled);
};
export function answering(err: string): Script {
  return () => create(CommandResponseSchema, { err });
}
export function failing(code: Code): Script {
  return () => {
    throw new ConnectError("scripted", code);
  };
}
export function notLeading(hint?: string): Script {
  return (_request, _serve, headers) => {
    if (hint !== undefined) headers.set(LEADER_HEADER, hint);
    return create(CommandResponseSchema, { err: "ErrWrongLeader" });
  };
}

/** Several addresses with a script each, and behind them all one store that is always right. */
export class ScriptedCluster {
  readonly clock: ManualClock = new ManualClock();
  readonly node: FakeNode = new FakeNode();
  readonly addresses: readonly string[];
  /** What is done with the next commands at an address, in order; the last one stays. */
  readonly scripts: Map<string, Script[]>;
  /** Every command that arrived anywhere. */
  readonly received: { readonly address: string; readonly request: CommandRequest; readonly atMs: number }[] =
    [];
  readonly connected: string[] = [];
  /** Of every command, what its header says of consistency. */
  readonly headers: (string | null)[] = [];

  constructor(scripts: Readonly<Record<string, Script | readonly Script[]>>) {
    this.addresses = Object.keys(scripts);
    this.scripts = new Map(
      Object.entries(scripts).map(([address, script]) => [
        address,
        typeof script === "function" ? [script] : [...script],
      ]),
    );
  }

  client(options: Partial<KvraftClientOptions> = {}): KvraftClient {
    return new KvraftClient({
      addresses: this.addresses,
      connect: (address) => this.#connect(address),
      clock: this.clock,
      random: () => 0.5,
      ...options,
    });
  }

  /** The addresses that were asked, in order. */
  get asked(): readonly string[] {
    return this.received.map(({ address }) => address);
  }

  #connect(address: string): Transport {
    this.connected.push(address);
    const service = kvService(this.node, { clock: this.clock });
    return createRouterTransport((router) => {
      router.service(KVService, {
        command: async (request, context) => {
          this.headers.push(context.requestHeader.get(CONSISTENCY_HEADER));
          this.received.push({ address, request, atMs: this.clock.now() });
          const scripts = this.scripts.get(address) ?? [];
          const script = (scripts.length > 1 ? scripts.shift() : scripts[0]) ?? dead;
          return script(request, () => service.command(request, context), context.responseHeader);
        },
        getStatus: () => {
          const [script] = this.scripts.get(address) ?? [];
          if (script === hanging) return never();
          if (script === dead) throw new ConnectError("connection refused", Code.Unavailable);
          return service.getStatus();
        },
      });
    });
  }
}
