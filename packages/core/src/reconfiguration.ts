import { CatchUp } from "./catch-up.ts";
import {
  changed,
  isElector,
  isJoint,
  leaveJoint,
  type MemberChange,
  memberOf,
  type Refused,
  withIncarnation,
  withVoters,
} from "./configuration.ts";
import type { ConfigurationRequest, RequestId } from "./effects.ts";
import type { Progress } from "./progress.ts";
import { Quorum } from "./quorum.ts";
import type { Server } from "./server.ts";
import type { Configuration, Member, NodeId } from "./types.ts";

/** A request whose configuration is in the log, and who is to be a voter before it is done. */
interface Pending {
  readonly id: RequestId;
  readonly voters: readonly NodeId[];
  /** What is to be done in the step in which the last of `voters` becomes one: nobody is let go before there is somebody in its place. */
  readonly later: readonly MemberChange[];
}

/**
 * A leader's work on the members (dissertation, chapter 4): takes changes one at a time, leads a joint configuration to its end, promotes learners that
 * have caught up, and keeps track of which disk speaks for whom.
 *
 * Joint consensus (4.3) is the only way in which voters change, also for a single one: the bug of the single-server algorithm (two leaders, each
 * with a change of its own) cannot arise, and replacing a server never leaves the cluster with one voter less.
 */
export class Reconfiguration {
  readonly #server: Server;
  readonly #append: (configuration: Configuration) => void;
  readonly #follower: (id: NodeId) => Progress | null;
  readonly #catchUps = new Map<NodeId, CatchUp>();
  /** Disks that were named and are not in the configuration yet. */
  readonly #identified = new Map<NodeId, string>();
  #pending: Pending[] = [];

  constructor(
    server: Server,
    parts: {
      readonly append: (configuration: Configuration) => void;
      readonly follower: (id: NodeId) => Progress | null;
    },
  ) {
    this.#server = server;
    this.#append = parts.append;
    this.#follower = parts.follower;
  }

  request({ id, changes, expectedIndex }: ConfigurationRequest): void {
    const { outbox, log } = this.#server;
    if (!this.isSettled) {
      outbox.outcomes.push({ type: "changePending", id });
      return;
    }
    const { index, configuration } = log.configuration;
    if (expectedIndex !== null && expectedIndex !== index) {
      const reason = `the configuration is that of index ${index}, not ${expectedIndex}`;
      outbox.outcomes.push({ type: "refused", id, reason });
      return;
    }
    const next = changed(configuration, changes);
    if (isRefused(next)) {
      outbox.outcomes.push({ type: "refused", id, reason: next.refused });
      return;
    }
    const voters = changes.flatMap((change) =>
      change.type === "addVoter" || change.type === "promote" ? [change.id] : [],
    );
    const later = changes.filter((change) => voters.length > 0 && isLossOfVoter(configuration, change));
    const first = changed(
      configuration,
      changes.filter((change) => !later.includes(change)),
    );
    // Where there are as many voters as there may be, one has to go first.
    this.#pending.push({ id, voters, later: isRefused(first) ? [] : later });
    this.#append(isRefused(first) ? next : first);
  }

  identified(peer: NodeId, incarnation: string): void {
    this.#identified.set(peer, incarnation);
  }

  tick(): void {
    for (const [id, catchUp] of this.#catchUps) catchUp.tick(this.#follower(id));
  }

  /** Something was committed, or may be done now: takes the next step there is. */
  advance(): void {
    this.#watchLearners();
    if (!this.isSettled) {
      if (this.#isCommitted && isJoint(this.#server.configuration)) {
        this.#append(leaveJoint(this.#server.configuration));
      }
      return;
    }
    this.#report();
    // A leader that has removed itself is about to go. One change more, a promotion perhaps, and it would stay until that is done.
    if (!mayLead(this.#server)) return;
    const next = this.#withKnownDisks() ?? this.#withPromotions();
    if (next !== null) this.#append(next);
  }

  /** The requests that are not done. Another leader goes on with them, or not. */
  drain(): RequestId[] {
    const ids = this.#pending.map(({ id }) => id);
    this.#pending = [];
    return ids;
  }

  /** No change is under way. */
  get isSettled(): boolean {
    return this.#isCommitted && !isJoint(this.#server.configuration);
  }

  get #isCommitted(): boolean {
    const { log, commitIndex, term } = this.#server;
    // The second condition: before its first commit a leader does not know what is committed. It may have lost the entry of a change that an
    // earlier leader has committed, or be about to commit one of which it knows nothing better.
    return log.configuration.index <= commitIndex && log.termAt(commitIndex) === term;
  }

  #report(): void {
    const { log, outbox } = this.#server;
    const { index, configuration } = log.configuration;
    const isVoter = (id: NodeId): boolean => memberOf(configuration, id)?.standing === "voter";
    // A learner that was removed before it was promoted is not coming any more.
    const isDone = ({ voters }: Pending): boolean =>
      voters.every((id) => isVoter(id) || memberOf(configuration, id)?.standing !== "promotable");
    for (const { id, voters } of this.#pending.filter(isDone)) {
      const missing = voters.find((voter) => !isVoter(voter));
      if (missing === undefined) outbox.outcomes.push({ type: "changed", id, index, configuration });
      else {
        const reason = `server ${missing} was removed or demoted before it had caught up`;
        outbox.outcomes.push({ type: "refused", id, reason });
      }
    }
    this.#pending = this.#pending.filter((request) => !isDone(request));
  }

  #withKnownDisks(): Configuration | null {
    let next = this.#server.configuration;
    // The first configuration of a cluster's log is written once every member has said who it is, and by that, that it can read one. A Go node cannot:
    // the log could not be sent to it any more.
    const isFirst = this.#server.log.configuration.index === 0;
    const isKnown = ({ id, incarnation }: Member): boolean =>
      incarnation !== null || this.#identified.has(id);
    if (isFirst && !next.members.every(isKnown)) return null;
    for (const [id, incarnation] of this.#identified) {
      this.#identified.delete(id);
      const member = memberOf(next, id);
      if (member === null || member.incarnation === incarnation) continue;
      const changed = withIncarnation(next, id, incarnation);
      // Not if a majority would be gone: no disk is left that remembers, and nobody can say what was committed.
      if (!new Quorum(changed).isReachedBy(() => true)) continue;
      next = changed;
      // What another disk has caught up with is not there any more.
      if (member.incarnation !== null) this.#catchUps.delete(id);
    }
    return next === this.#server.configuration ? null : next;
  }

  #withPromotions(): Configuration | null {
    const ready = [...this.#catchUps].filter(([, { isDone }]) => isDone).map(([id]) => id);
    if (ready.length === 0) return null;
    const { configuration } = this.#server;
    const isReady = (id: NodeId): boolean =>
      ready.includes(id) || memberOf(configuration, id)?.standing === "voter";
    const due = this.#pending.filter(({ voters }) => voters.every(isReady));
    const next = withVoters(
      configuration,
      ready,
      due.flatMap(({ later }) => later),
    );
    return isRefused(next) ? null : next;
  }

  #watchLearners(): void {
    const { configuration, config, log } = this.#server;
    const learners = configuration.members.filter(({ standing }) => standing === "promotable");
    for (const id of this.#catchUps.keys()) {
      if (!learners.some((learner) => learner.id === id)) this.#catchUps.delete(id);
    }
    for (const { id } of learners) {
      if (this.#catchUps.has(id)) continue;
      this.#catchUps.set(id, new CatchUp(() => log.lastIndex, config.electionTimeoutTicksMin));
    }
  }
}

/** Whether this server, which leads, still belongs to those who may. */
export function mayLead({ configuration, id }: Server): boolean {
  const member = memberOf(configuration, id);
  return member !== null && isElector(member.standing);
}

function isLossOfVoter(configuration: Configuration, { type, id }: MemberChange): boolean {
  return (type === "remove" || type === "demote") && memberOf(configuration, id)?.standing === "voter";
}

function isRefused(next: Configuration | Refused): next is Refused {
  return "refused" in next;
}
