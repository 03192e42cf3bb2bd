import type { Alert, LogIndex, NodeId, RoleChange, SnapshotMeta, Term } from "@eraft/core";
import type { NodeFailedError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import type { Membership, Rejection } from "./membership.ts";

/** What a node reports as it happens. */
export interface NodeEvents {
  /** Another server leads, or none that this one knows of. */
  leader: { readonly leaderId: NodeId | null; readonly leaderAddress: string | null; readonly term: Term };
  /** This server's role, term or known leader changed. */
  role: RoleChange;
  /** The state machine reflects everything up to `lastApplied`, all of it committed. */
  commit: { readonly lastApplied: LogIndex };
  /** Another configuration is in force, committed or not. */
  membership: Membership;
  /** Two servers do not talk, this one and `peer`, because `by`, one of the two, refuses the other. Once, until they do talk. */
  rejection: Rejection & { readonly peer: NodeId };
  /** A snapshot is stored: this server's own, or one received from the leader. */
  snapshot: SnapshotMeta & { readonly source: "local" | "received" };
  /** The node has failed and serves no more. At most once. */
  failure: NodeFailedError;
  /** Something that no correct cluster does, survived without harm. */
  alert: Alert;
  /** `stop` is done. At most once. */
  stopped: undefined;
}

export type Listener<Name extends keyof NodeEvents> = (event: NodeEvents[Name]) => void;

type Listeners = { readonly [Name in keyof NodeEvents]: Set<Listener<Name>> };

export class Events {
  readonly #logger: Logger;
  readonly #listeners: Listeners = {
    leader: new Set(),
    role: new Set(),
    commit: new Set(),
    membership: new Set(),
    rejection: new Set(),
    snapshot: new Set(),
    failure: new Set(),
    alert: new Set(),
    stopped: new Set(),
  };

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<Name extends keyof NodeEvents>(name: Name, listener: Listener<Name>): () => void {
    if (!Object.hasOwn(this.#listeners, name)) {
      throw new TypeError(
        `There is no event "${name}": the events are ${Object.keys(this.#listeners).join(", ")}.`,
      );
    }
    const listeners = this.#listeners[name];
    // One wrapper per call, so that a listener added twice is called twice and each unsubscribe function removes its own.
    const added: Listener<Name> = (event) => listener(event);
    listeners.add(added);
    return () => listeners.delete(added);
  }

  emit<Name extends keyof NodeEvents>(name: Name, event: NodeEvents[Name]): void {
    for (const listener of this.#listeners[name]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error(`A listener for "${name}" threw. The node goes on.`, { error });
      }
    }
  }
}
