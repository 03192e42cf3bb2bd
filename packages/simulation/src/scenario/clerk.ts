import type { NodeId } from "@eraft/core";
import { encodeCommand } from "@eraft/kv";
import type { KvInput, KvOutput } from "@eraft/linearizability";
import { Random } from "../random.ts";
import type { KvReply, KvRequest, KvServers } from "./kv-servers.ts";
import { LabNetwork } from "./lab-network.ts";
import type { VirtualCluster } from "./virtual-cluster.ts";
import type { Work } from "./work.ts";

/** The `kvraftpb.Op`s. */
const PUT = 0;
const APPEND = 1;

/** Without an answer for this long, a client asks another server. */
const ATTEMPT_MS = 400;
/** After every server has been asked in vain, and nobody knows a leader. */
const PAUSE_MS = 60;

interface Call {
  readonly request: KvRequest;
  readonly done: (output: KvOutput) => void;
  /** The request that is under way, of those made for this call. */
  attempt: number;
}

/**
 * The labs' `Clerk`: one session, one operation at a time, which is repeated with the same ids on one server after another until one answers. An answer
 * to an earlier attempt counts as well.
 */
export class Clerk {
  readonly #world: VirtualCluster;
  readonly #servers: KvServers;
  readonly #clientId: bigint;
  readonly #random: Random;
  readonly #network: LabNetwork;
  #reachable: readonly NodeId[];
  #target: NodeId;
  #commandId = 0n;
  #call: Call | null = null;
  /** How often in a row a server was named as the leader and was not. */
  #refusals = 0;

  constructor(
    world: VirtualCluster,
    servers: KvServers,
    seed: number,
    number: number,
    reachable: readonly NodeId[],
  ) {
    this.#world = world;
    this.#servers = servers;
    this.#clientId = BigInt(number);
    this.#random = new Random(seed, `clerk ${number}`);
    this.#network = new LabNetwork("reliable", seed, `network of clerk ${number}`);
    this.#reachable = reachable;
    this.#target = this.#random.pick(reachable);
  }

  /** From now on this client reaches these servers. */
  connect(servers: readonly NodeId[]): void {
    this.#reachable = servers;
  }

  get isBusy(): boolean {
    return this.#call !== null;
  }

  /** Begins an operation; `done` is called when it is answered. */
  begin(input: KvInput, done: (output: KvOutput) => void): void {
    if (this.#call !== null) throw new Error("a clerk does one thing at a time");
    this.#call = { request: this.#requestOf(input), done, attempt: 0 };
    this.#attempt(this.#call);
  }

  #requestOf(input: KvInput): KvRequest {
    if (input.type === "get") return { type: "read", key: input.key };
    this.#commandId += 1n;
    const command = encodeCommand({
      key: input.key,
      value: input.value,
      op: input.type === "put" ? PUT : APPEND,
      clientId: this.#clientId,
      commandId: this.#commandId,
    });
    return { type: "write", command };
  }

  #attempt(call: Call): void {
    call.attempt += 1;
    const { attempt } = call;
    const target = this.#target;
    this.#network.kind = this.#world.network.kind;
    for (const ms of this.#network.request())
      this.#world.later(ms, () => this.#arrives(call, attempt, target));
    this.#world.later(ATTEMPT_MS, () => {
      this.#failed(call, attempt, null);
      return undefined;
    });
  }

  /** The request is at its server. */
  #arrives(call: Call, attempt: number, target: NodeId): Work {
    if (!this.#reachable.includes(target)) return undefined;
    const stalledMs = this.#world.stalledMs(target);
    if (stalledMs > 0) {
      this.#world.later(stalledMs, () => this.#arrives(call, attempt, target));
      return undefined;
    }
    const respond = (reply: KvReply): void => this.#respond(call, attempt, target, reply);
    if (this.#world.cluster.node(target).isUp) {
      return this.#servers.serve(this.#world, target, call.request, respond);
    }
    // The connection is refused.
    respond({ type: "retry", leaderId: null });
    return undefined;
  }

  #respond(call: Call, attempt: number, target: NodeId, reply: KvReply): void {
    for (const ms of this.#network.answer()) {
      this.#world.later(ms, () => {
        if (this.#reachable.includes(target)) this.#answered(call, attempt, reply);
        return undefined;
      });
    }
  }

  #answered(call: Call, attempt: number, reply: KvReply): void {
    if (reply.type === "retry") {
      this.#failed(call, attempt, reply.leaderId);
      return;
    }
    if (this.#call !== call) return;
    this.#call = null;
    this.#refusals = 0;
    call.done(reply.value);
  }

  #failed(call: Call, attempt: number, leaderId: NodeId | null): void {
    if (this.#call !== call || call.attempt !== attempt) return;
    // This attempt is over, also if a second copy of its answer comes before the next begins.
    call.attempt += 1;
    this.#refusals += 1;
    const isHint = leaderId !== null && leaderId !== this.#target && this.#reachable.includes(leaderId);
    // Two servers that take each other for the leader must not keep the client from the others.
    this.#target = isHint && this.#refusals % 2 === 1 ? leaderId : this.#random.pick(this.#reachable);
    const pauseMs = this.#refusals % 4 === 0 ? PAUSE_MS : 1;
    this.#world.later(pauseMs, () => {
      if (this.#call === call) this.#attempt(call);
      return undefined;
    });
  }
}
