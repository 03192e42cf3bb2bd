import { Code, ConnectError } from "@connectrpc/connect";
import type { IdentityRefusal, NodeId, PeerIdentity, Receiver } from "@eraft/core";
import type { Hello, Identity, Welcome } from "@eraft/proto/eraft/peer/v1";
import { notFrom } from "../codec/checks.ts";
import { decodeIdentity, encodeIdentity } from "../codec/peer/identity.ts";
import { rejectionError, versionError } from "./rejection.ts";
import type { Versions } from "./rejection.ts";

/** What this code speaks. */
export const VERSIONS: Versions = { min: 1, max: 1 };

/** Whom a stream is with. */
export interface Acquaintance {
  readonly peer: NodeId;
  /** Which run of it; see Hello. */
  readonly run: bigint;
  /** `Receiver.identify` has accepted it. */
  readonly isVouchedFor: boolean;
}

export interface Self {
  readonly id: NodeId;
  readonly isPeer: (id: NodeId) => boolean;
  readonly identity: (() => PeerIdentity) | null;
  /** Drawn anew at each start. */
  readonly run: bigint;
  readonly receiver: Receiver;
}

/** How this server introduces itself on each stream, and what it makes of those who do. */
export class Handshake {
  readonly #self: Self;

  constructor(self: Self) {
    this.#self = self;
  }

  hello(to: NodeId): Hello {
    const { id, run } = this.#self;
    const hello: Hello = {
      $typeName: "eraft.peer.v1.Hello",
      versionMin: VERSIONS.min,
      versionMax: VERSIONS.max,
      from: BigInt(id),
      to: BigInt(to),
      run,
    };
    const identity = this.#ownIdentity();
    if (identity !== undefined) hello.identity = identity;
    return hello;
  }

  /** To be sent once `checkHello` has let the caller in. */
  welcome(hello: Hello): Welcome {
    const { id, run } = this.#self;
    const version = Math.min(VERSIONS.max, hello.versionMax);
    const welcome: Welcome = { $typeName: "eraft.peer.v1.Welcome", version, from: BigInt(id), run };
    const identity = this.#ownIdentity();
    if (identity !== undefined) welcome.identity = identity;
    return welcome;
  }

  /** Who calls, or the error to end the stream with. */
  checkHello(hello: Hello | undefined): Acquaintance | ConnectError {
    if (hello === undefined) return invalid("a stream begins with a hello");
    const { id } = this.#self;
    const peer = Number(hello.from);
    const fault = notFrom(0, "from", peer);
    if (fault !== null) return invalid(fault);
    if (hello.versionMax < VERSIONS.min || hello.versionMin > VERSIONS.max) {
      return versionError(foreignVersions(peer, hello), VERSIONS);
    }
    if (hello.to !== BigInt(id)) {
      return new ConnectError(`this is server ${id}, not server ${hello.to}`, Code.FailedPrecondition);
    }
    if (peer === id) return denied(`server ${peer} is this server itself`);
    const { isVouchedFor, error } = this.#identify(peer, hello.identity);
    if (error !== null) return error;
    // Of a server that the core has not told us of yet, or not any more, the cluster is enough.
    if (!isVouchedFor && !this.#self.isPeer(peer)) return denied(`server ${peer} is not in this cluster`);
    return { peer, run: hello.run, isVouchedFor };
  }

  /** Who answered the call to `peer`, or why it is not to be talked to. An error with a Rejection is to be told to the other side. */
  checkWelcome(welcome: Welcome | undefined, peer: NodeId): Acquaintance | ConnectError {
    if (welcome === undefined) return invalid("a stream begins with a welcome");
    if (welcome.version < VERSIONS.min || welcome.version > VERSIONS.max) {
      const text = `server ${peer} wants to speak version ${welcome.version} of eraft.peer.v1, which is unknown here`;
      return versionError(text, VERSIONS);
    }
    if (welcome.from !== BigInt(peer)) {
      return new ConnectError(`this is server ${welcome.from}, not server ${peer}`, Code.FailedPrecondition);
    }
    const { isVouchedFor, error } = this.#identify(peer, welcome.identity);
    return error ?? { peer, run: welcome.run, isVouchedFor };
  }

  #identify(
    peer: NodeId,
    wire: Identity | undefined,
  ): { readonly isVouchedFor: boolean; readonly error: ConnectError | null } {
    const { receiver } = this.#self;
    if (wire === undefined) return { isVouchedFor: false, error: null };
    const identity = decodeIdentity(wire);
    if (typeof identity === "string") return { isVouchedFor: false, error: invalid(identity) };
    if (receiver.identify === undefined) return { isVouchedFor: false, error: null };
    let refusal: IdentityRefusal | null;
    try {
      refusal = receiver.identify(peer, identity);
    } catch (reason) {
      return { isVouchedFor: false, error: ConnectError.from(reason, Code.Internal) };
    }
    if (refusal !== null) return { isVouchedFor: false, error: rejectionError(peer, refusal) };
    return { isVouchedFor: true, error: null };
  }

  #ownIdentity(): Identity | undefined {
    const { identity } = this.#self;
    return identity === null ? undefined : encodeIdentity(identity());
  }
}

function foreignVersions(peer: NodeId, { versionMin, versionMax }: Hello): string {
  const { min, max } = VERSIONS;
  return `server ${peer} speaks versions ${versionMin} to ${versionMax} of eraft.peer.v1, this server ${min} to ${max}`;
}

function invalid(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}

function denied(text: string): ConnectError {
  return new ConnectError(text, Code.PermissionDenied);
}
