import type { NodeId, PeerIdentity, Transport } from "@eraft/core";

/** What the kit needs to know of a transport: where to get a network of servers, and what its wire can carry. */
export interface TransportHarness {
  /** A new network of `count` servers, 2 or 3, none of them started. Called once for each case. */
  readonly create: (count: number) => TransportNetwork | Promise<TransportNetwork>;
  /** What this transport is asked to carry; what is not given is taken from {@link DEFAULT_TRANSPORT_SUPPORT}. */
  readonly supports?: Partial<TransportSupport>;
  /**
   * Milliseconds from 1 after which a message that was sent again and again has not arrived, and an operation that must end has not ended.
   * Only a case that fails takes so long. Default 10000.
   */
  readonly patienceMs?: number;
}

export interface TransportNetwork {
  readonly servers: readonly TransportServer[];
  /** Breaks every connection between the servers, which may make new ones at once. With {@link TransportSupport.resumesSnapshots}. */
  breakConnections?(): Promise<void> | void;
  /** Ends whatever is still open. */
  dispose?(): Promise<void> | void;
}

export interface TransportServer {
  readonly id: NodeId;
  /** Where the others reach it: what they are given by `setPeers`. */
  readonly address: string;
  /**
   * The transport of this server, not running; asked for again after it was stopped, when the server restarts. `identity` is what the server is to
   * say of itself; given with {@link TransportSupport.identities} only.
   */
  transport(identity?: () => PeerIdentity): Transport;
}

export interface TransportSupport {
  /** Carries a response though no request of its addressee is open. A wire of unary calls does not. */
  readonly oneWayResponses: boolean;
  /** A request arrives with the sender's `sequence`. Otherwise the receiving side may put a number of its own there, from FIRST_TRANSPORT_SEQUENCE on. */
  readonly carriesSequence: boolean;
  /** A `refusal` arrives as a message, and not as an error of the wire. */
  readonly carriesRefusals: boolean;
  /**
   * Carries what the three RPCs of the paper cannot say: PreVote, TimeoutNow, ReadIndex and their answers, `leadershipTransfer`, and the
   * configurations of entries and snapshots.
   *
   * A transport that does not may drop such a message, leave out `leadershipTransfer`, and answer on behalf of a peer that it knows not to understand:
   * a PreVote with a vote granted in the asker's term, a ReadIndex with -1. It must not deliver an entry without its configuration.
   */
  readonly extensions: boolean;
  /** Tells by `Receiver.disconnected` when a peer has stopped. */
  readonly reportsDisconnects: boolean;
  /** Goes on with a snapshot whose connection broke, within one call of `sendSnapshot`. Needs {@link TransportNetwork.breakConnections}. */
  readonly resumesSnapshots: boolean;
  /** Lets servers say who they are, and asks `Receiver.identify`. Needs the parameter of {@link TransportServer.transport}. */
  readonly identities: boolean;
  /** Bytes of the entries in the largest AppendEntries that the cases send. */
  readonly maxMessageBytes: number;
  /** Bytes of the largest snapshot it carries; a larger one is refused. Null for no limit. */
  readonly maxSnapshotBytes: number | null;
}

/** What the port promises of any transport, unary ones included. */
export const DEFAULT_TRANSPORT_SUPPORT: TransportSupport = {
  oneWayResponses: false,
  carriesSequence: false,
  carriesRefusals: false,
  extensions: false,
  reportsDisconnects: false,
  resumesSnapshots: false,
  identities: false,
  maxMessageBytes: 1_048_576,
  maxSnapshotBytes: null,
};

export const DEFAULT_PATIENCE_MS = 10_000;
