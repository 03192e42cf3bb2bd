import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Member, PeerIdentity } from "@eraft/core";
import { type KvService, type KvV1Service, kvService, kvV1Service } from "@eraft/kv";
import {
  AdminService,
  type ListMembersResponse,
  ListMembersResponseSchema,
} from "@eraft/proto/eraft/admin/v1";
import { KVService } from "@eraft/proto/kvraftpb";
import type { NodeFailedError, NodeStatus } from "@eraft/runtime";
import { ConnectTransport, registerUnary } from "@eraft/transport-connect";
import { type RpcServer, nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { CommandError } from "../errors.ts";
import type { JsonLogger } from "../logger.ts";
import { withTimeLimit } from "../time-limit.ts";
import { type AdminServiceImpl, adminService } from "./admin-service.ts";
import { type KvRaftNode, addressesIn, compose } from "./compose.ts";
import type { ServeConfig } from "./config.ts";
import { type Disk, takeDisk } from "./disk.ts";
import { answerHttp } from "./health.ts";
import { OpenCalls } from "./open-calls.ts";
import { registerKvV1 } from "./kv-v1-routes.ts";
import { present, withReception } from "./presentation.ts";
import { readdress } from "./readdress.ts";
import type { Reception } from "./reception.ts";
import { report } from "./report.ts";
import { type State, stateOf } from "./state.ts";

/** A successor takes over within milliseconds, or not at all; the rest of the stop needs its time, too. */
const HAND_OVER_LIMIT_MS = 2000;

/** Whoever goes on calling without a pause is told within this time who leads now. */
const FAREWELL_QUIET_MS = 50;
const FAREWELL_LIMIT_MS = 300;

/** What became of a start. */
export interface Started {
  /** What the nodes that were there already make of this one. */
  readonly reception: Reception;
  /** The members, as its own data or its command line says. */
  readonly members: readonly Member[];
}

/** What there is once the data directory is taken. */
interface Parts {
  readonly node: KvRaftNode;
  readonly kv: KvService;
  readonly kvV1: KvV1Service;
  readonly admin: AdminServiceImpl;
}

/** One node of a cluster with its port. Lives once. */
export class Server {
  /** Resolves when the node has failed after it had started. It never serves again; all that is left is `stop`. */
  readonly failed: Promise<NodeFailedError>;
  readonly #config: ServeConfig;
  readonly #logger: JsonLogger;
  readonly #transport: ConnectTransport;
  readonly #hasFailed: (failure: NodeFailedError) => void;
  readonly #calls = new OpenCalls();
  #rpc: RpcServer | null = null;
  #disk: Disk | null = null;
  #state: State | null = null;
  #parts: Parts | null = null;
  #hasStarted = false;
  #isStopping = false;

  /** Touches neither disk nor network. */
  constructor(config: ServeConfig, logger: JsonLogger) {
    this.#config = config;
    this.#logger = logger;
    this.#transport = new ConnectTransport({
      id: config.id,
      connect: (address) => nodePeerConnection(address),
      identity: () => this.#identity(),
    });
    const { promise, resolve } = Promise.withResolvers<NodeFailedError>();
    this.failed = promise;
    this.#hasFailed = resolve;
  }

  /**
   * Resolves, with what there is to say of that, once it can be reached and its storage is read. The port comes first: it is free or not at
   * once, while a long log takes its time, in which probes should find somebody who says "starting". RPCs are answered UNAVAILABLE until then.
   */
  async start(): Promise<Started> {
    const { listen } = this.#config;
    this.#rpc = serve({
      host: listen.host,
      port: listen.port,
      routes: (router) => this.#routes(router),
      fallback: (request, response) =>
        answerHttp(request, response, () => this.#parts?.node.status() ?? null),
    });
    await this.#rpc.listening;
    this.#disk = await takeDisk(this.#config);
    const reception = await present(this.#config, this.#disk.identity, {
      logger: this.#logger,
      isStopping: () => this.#isStopping,
    });
    if (this.#isStopping) {
      // `stop` came too early to know of it.
      await this.#disk.identity.close();
      throw new CommandError("stopped before it had started");
    }
    this.#state = await stateOf(this.#config, this.#disk);
    const { stateMachine } = this.#state;
    const node = compose(withReception(this.#config, reception), {
      disk: this.#disk,
      stateMachine,
      transport: this.#transport,
      logger: this.#logger,
    });
    this.#parts = {
      node,
      kv: kvService(node),
      kvV1: kvV1Service(node, stateMachine),
      admin: adminService(node),
    };
    node.on("failure", (failure) => this.#hasFailed(failure));
    await node.start();
    this.#hasStarted = true;
    report(node, this.#config, this.#logger);
    if (this.#config.readdress) readdress(node, addressesIn(this.#config.beginning), this.#logger);
    return { reception, members: node.membership().members };
  }

  /**
   * Hands the leadership over, tells those who go on calling who leads now, lets calls under way finish, for a second at most, then stops the node and
   * closes its storage. The node goes on until then: the election of a successor may need its vote, and a write that a client waits for needs the
   * node. The streams of its peers are no calls to wait for: they end with the node.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const node = this.#parts?.node;
    if (node !== undefined && hasSuccessor(node.status())) await this.#handOver(node);
    // Their callers go on at another node; otherwise they would hold up the end.
    this.#parts?.kvV1.end();
    const closed = this.#rpc?.close();
    await Promise.race([closed, this.#calls.none()]);
    await node?.stop();
    await this.#state?.close();
    await closed;
    await this.#disk?.identity.close();
  }

  async #handOver(node: KvRaftNode): Promise<void> {
    try {
      const late = (): Error => new Error(`nobody took over within ${HAND_OVER_LIMIT_MS} ms`);
      await withTimeLimit(node.transferLeadership(), HAND_OVER_LIMIT_MS, late);
      const { leaderId } = node.status();
      // It may just have noticed that it is alone.
      if (leaderId === null) throw late();
      this.#logger.info("Handed the leadership over.", { leaderId });
      // A call that meets the end of its connection is refused without a word: its caller would have to look for the leader, and could not know that nothing
      // was done. And a read that was passed on to the new leader is answered over streams that end with the connections.
      await this.#calls.quiet(FAREWELL_QUIET_MS, FAREWELL_LIMIT_MS);
    } catch (error) {
      // Without it the others have to notice that their leader is gone.
      this.#logger.info("Stopping without a successor.", { error });
    }
  }

  #identity(): PeerIdentity {
    const identity = this.#parts?.node.identity ?? this.#disk?.identity ?? null;
    if (identity === null) throw new Error("asked who this is before its disk was read");
    return identity;
  }

  #routes(router: ConnectRouter): void {
    this.#transport.routes(router);
    const { command, getStatus } = KVService.method;
    registerUnary(
      router,
      command,
      (request, context) => this.#calls.track(this.#running().kv.command(request, context)),
      {
        handleBytes: (request, context) => {
          const answer = this.#running().kv.commandBytes(request, context);
          return answer === null ? null : this.#calls.track(answer);
        },
      },
    );
    registerUnary(router, getStatus, () => this.#running().kv.getStatus());
    registerKvV1(router, {
      service: () => this.#running().kvV1,
      track: (call) => this.#calls.track(call),
      foreign: () => this.#transport.unaryPeers,
    });
    router.service(AdminService, {
      getNodeStatus: (request, context) => this.#running().admin.getNodeStatus(request, context),
      listMembers: (request, context) =>
        this.#hasStarted ? this.#running().admin.listMembers(request, context) : this.#listNobody(),
      changeMembers: (request, context) => this.#running().admin.changeMembers(request, context),
      transferLeadership: (request, context) => this.#running().admin.transferLeadership(request, context),
    });
  }

  /** Until its log is read, a node with a log has nothing to say about the members; one without has nothing to keep others waiting for. */
  #listNobody(): ListMembersResponse {
    const { clusterId, starts } = this.#disk?.identity ?? { clusterId: null, starts: null };
    return create(ListMembersResponseSchema, {
      id: BigInt(this.#config.id),
      leaderId: -1n,
      clusterId: clusterId ?? "",
      starting: starts !== 1,
    });
  }

  #running(): Parts {
    if (this.#parts === null) throw new ConnectError("this node is starting", Code.Unavailable);
    return this.#parts;
  }
}

/** Whether it leads and another node could, as far as is known. */
function hasSuccessor({ role, peers }: NodeStatus): boolean {
  return (
    role === "leader" && peers.some(({ standing, lastError }) => standing === "voter" && lastError === null)
  );
}
