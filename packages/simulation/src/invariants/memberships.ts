import type {
  Configuration,
  ConfigurationAt,
  LogIndex,
  MemberChange,
  NodeId,
  RaftState,
  SnapshotMeta,
  Term,
} from "@eraft/core";
import { digestOfMembers } from "../cluster/machine.ts";
import { mustHold } from "../violation.ts";
import { intersect, isJoint, isVoter } from "./majorities.ts";

/** The configurations that were committed, one after the other, and what must be true of them (dissertation, chapter 4). */
export class Memberships {
  /** In order of their indexes. */
  readonly #committed: ConfigurationAt[];
  /** Disks by whose names committed configurations know a server, and the first of these. */
  readonly #named = new Map<string, LogIndex>();
  /** What was compared before. */
  readonly #intersecting = new Set<string>();

  constructor(initial: Configuration) {
    this.#committed = [{ index: 0, configuration: initial }];
  }

  /** The one that the cluster began with. */
  get initial(): Configuration {
    return (this.#committed[0] as ConfigurationAt).configuration;
  }

  get latest(): ConfigurationAt {
    return this.#committed.at(-1) as ConfigurationAt;
  }

  get committed(): readonly ConfigurationAt[] {
    return this.#committed;
  }

  /** The first committed configuration that knows a server by that disk; null if none does. */
  namedAt(disk: string): LogIndex | null {
    return this.#named.get(disk) ?? null;
  }

  /** The configuration that is committed next, as the log says. */
  commits(index: LogIndex, configuration: Configuration): void {
    const before = this.latest;
    mustHold(
      !isJoint(before.configuration) || !isJoint(configuration),
      "One Change At A Time",
      () => `the joint configuration of ${before.index} is followed by another one at ${index}`,
    );
    this.#checkIntersection(before, { index, configuration });
    this.#committed.push({ index, configuration });
    for (const { incarnation } of configuration.members) {
      if (incarnation !== null && !this.#named.has(incarnation)) this.#named.set(incarnation, index);
    }
  }

  /** A snapshot carries the members as of its last entry. */
  snapshots(node: number, { lastIncludedIndex, configuration }: SnapshotMeta): void {
    const { index, configuration: expected } = this.at(lastIncludedIndex);
    const given = configuration === undefined ? null : digestOfMembers(configuration);
    mustHold(
      given === (index === 0 ? null : digestOfMembers(expected)),
      "Snapshot Configuration",
      () =>
        `${node} has a snapshot of ${lastIncludedIndex} with other members than those of ${index} in the log`,
    );
  }

  at(index: LogIndex): ConfigurationAt {
    return this.#committed.findLast((one) => one.index <= index) ?? this.latest;
  }

  #checkIntersection(before: ConfigurationAt, next: ConfigurationAt): void {
    const key = `${digestOfMembers(before.configuration)} ${digestOfMembers(next.configuration)}`;
    if (this.#intersecting.has(key)) return;
    this.#intersecting.add(key);
    mustHold(
      intersect(before.configuration, next.configuration),
      "Majorities Intersect",
      () =>
        `one majority of the configuration of ${before.index} and one of ${next.index} have no server in common`,
    );
  }
}

/**
 * A leader begins a change when the one before is committed, never earlier (4.1), and not before it has committed an entry of its own term: until then it
 * does not know what is committed. One that has left the voters begins nothing any more (4.2.2). `termAt` is of what it has written of its log.
 */
export function checkNewConfiguration(
  before: RaftState,
  now: RaftState,
  termAt: (index: LogIndex) => Term | undefined,
): void {
  if (now.configuration.index <= before.configuration.index) return;
  if (now.role !== "leader" || before.role !== "leader" || now.term !== before.term) return;
  // What it has not even written yet is its own.
  const committedTerm = termAt(now.commitIndex) ?? now.term;
  mustHold(
    before.configuration.index <= now.commitIndex && committedTerm === now.term,
    "One Uncommitted Configuration",
    () =>
      `leader ${now.id} adds the configuration of ${now.configuration.index} to that of ${before.configuration.index}, and ${now.commitIndex} is committed`,
  );
  const { configuration } = before.configuration;
  mustHold(
    isJoint(configuration) || configuration.members.some((member) => member.id === now.id && isVoter(member)),
    "Removed Leaders Go",
    () => `${now.id} changes the members at ${now.configuration.index}, and is no voter`,
  );
}

/** A change is reported as done when it is: committed, no longer joint, and whoever was to become a voter is one. */
export function checkChanged(
  { id, commitIndex }: RaftState,
  { index, configuration }: ConfigurationAt,
  changes: readonly MemberChange[],
): void {
  const wanted = changes.filter(({ type }) => type === "addVoter" || type === "promote");
  const isVoting = (voter: NodeId): boolean =>
    configuration.members.some((member) => member.id === voter && member.standing === "voter");
  mustHold(
    index <= commitIndex && !isJoint(configuration) && wanted.every((change) => isVoting(change.id)),
    "Changed",
    () => `${id} reports a change as done at ${index}: ${JSON.stringify(configuration)}`,
  );
}
