import type { Configuration, ConfigurationAt, Entry, Message, NodeId, RaftState, Ready } from "@eraft/core";
import type { RequestAction, Witness } from "../cluster/cluster.ts";
import type { Node } from "../cluster/node.ts";
import { isJoint, isVoter, votersOf } from "../invariants/majorities.ts";
import type { Coverage } from "./coverage.ts";

interface Question {
  readonly consistency: "linearizable" | "lease";
  readonly leaderId: NodeId | null;
}

/** Notices rare situations. */
export class Sightings implements Witness {
  readonly #coverage: Coverage;
  readonly #nodes: () => readonly Node[];
  /** The members as of the last committed configuration. */
  readonly #members: () => ConfigurationAt;
  #committed: ConfigurationAt | null = null;
  /** Reads that wait at a server that does not lead. */
  readonly #forwarded = new Map<number, Question>();
  readonly #removed = new Set<NodeId>();
  /** What was asked for with the step that is being taken. */
  #asked: RequestAction | null = null;

  constructor(
    coverage: Coverage,
    parts: { readonly nodes: () => readonly Node[]; readonly members: () => ConfigurationAt },
  ) {
    this.#coverage = coverage;
    this.#nodes = parts.nodes;
    this.#members = parts.members;
  }

  started({ state, disk }: Node): void {
    this.#committed ??= this.#members();
    const isInSnapshot = state.configuration.index === disk.snapshotIndex && state.configuration.index > 0;
    if (isInSnapshot && isJoint(state.configuration.configuration)) {
      this.#coverage.hit("jointConfigurationRestored");
    }
  }

  asked({ state }: Node, request: RequestAction): void {
    this.#asked = request;
    if (request.type === "change" && request.changes.length > 1) this.#coverage.hit("severalChanges");
    if (request.type !== "read" || state.role === "leader") return;
    const { consistency = "linearizable" } = request;
    this.#forwarded.set(request.id, { consistency, leaderId: state.leaderId });
  }

  crashed(): void {}

  stepped(node: Node, before: RaftState, ready: Ready | null): void {
    const { state } = node;
    const asked = this.#asked;
    this.#asked = null;
    if (state.role === "leader" && before.role !== "leader") this.#elected(state);
    if (state.role !== "leader" && before.role === "leader") this.#resigned(state, before);
    if (state.configuration !== before.configuration) this.#reconfigured(state, before);
    if (state.snapshot !== before.snapshot) this.#compacted(state, ready);
    if (ready === null) return;
    const { write, restore, snapshots, role } = ready;
    if (role?.role === "follower" && role.leaderId === null) this.#coverage.hit("steppedDown");
    if (write !== null && write.truncateFrom !== null) this.#coverage.hit("truncated");
    if ((write?.entries.length ?? 0) > 8) this.#coverage.hit("largeBatch");
    if (restore !== null) this.#installed(node, restore.configuration);
    if (snapshots.length > 0) this.#coverage.hit("snapshotRequested");
    if (ready.outcomes.length > 0) this.#answered(ready, asked, state);
    if (ready.committed.some(isConfiguration)) this.#membersCommitted();
  }

  sent({ id, state }: Node, message: Message): void {
    switch (message.type) {
      case "preVote":
        if (this.#removed.has(id)) this.#coverage.hit("removedServerAsksInVain");
        return;
      case "preVoteResponse":
        if (!message.voteGranted && state.leaderId !== null) this.#coverage.hit("preVoteRefusedForLeader");
        return;
      case "requestVote":
      case "requestVoteResponse":
      case "appendEntries":
      case "appendEntriesResponse":
      case "installSnapshot":
      case "installSnapshotResponse":
      case "timeoutNow":
      case "readIndex":
      case "readIndexResponse":
      case "refusal":
    }
  }

  #elected({ configuration }: RaftState): void {
    this.#coverage.hit("elected");
    if (isJoint(configuration.configuration)) this.#coverage.hit("electedInJointConfiguration");
  }

  #resigned({ id, term, configuration, commitIndex }: RaftState, before: RaftState): void {
    const isMember = configuration.configuration.members.some(
      (member) => member.id === id && isVoter(member),
    );
    const isCommitted = configuration.index <= commitIndex;
    if (!isMember && isCommitted && term === before.term) this.#coverage.hit("leaderRemovedItself");
  }

  #reconfigured({ configuration: now, role }: RaftState, { configuration: before }: RaftState): void {
    if (now.index < before.index) this.#coverage.hit("configurationRolledBack");
    if (role !== "leader" || now.index < before.index) return;
    const standings = new Map(before.configuration.members.map(({ id, standing }) => [id, standing]));
    const { members } = now.configuration;
    for (const { id, standing } of members) {
      const was = standings.get(id);
      if (was === standing) continue;
      if (standing === "incoming" && was === "promotable") this.#coverage.hit("learnerPromoted");
      if (standing === "demoted") this.#coverage.hit("voterDemoted");
      if (standing === "rejoining") this.#coverage.hit("voterRejoining");
      if (was === undefined && this.#removed.has(id)) this.#coverage.hit("removedServerIsBack");
    }
    const isNew = (standing: string): boolean =>
      members.some((member) => member.standing === standing && standings.get(member.id) !== standing);
    const isReplaced = isNew("outgoing") && members.some(({ standing }) => standing === "promotable");
    if (isReplaced || (isNew("outgoing") && isNew("incoming"))) this.#coverage.hit("voterReplaced");
  }

  #compacted({ snapshot }: RaftState, ready: Ready | null): void {
    if (ready?.restore !== null && ready?.restore !== undefined) return;
    this.#coverage.hit("compacted");
    const { configuration } = snapshot;
    if (configuration !== undefined && isJoint(configuration)) {
      this.#coverage.hit("jointConfigurationInSnapshot");
    }
  }

  #installed({ id }: Node, configuration: Configuration | undefined): void {
    this.#coverage.hit("snapshotInstalled");
    if (configuration === undefined) return;
    if (isJoint(configuration)) this.#coverage.hit("jointConfigurationInstalled");
    const member = this.#members().configuration.members.find((one) => one.id === id);
    if (member !== undefined && !isVoter(member)) this.#coverage.hit("learnerGotSnapshot");
  }

  #answered({ outcomes }: Ready, asked: RequestAction | null, state: RaftState): void {
    for (const { type, id } of outcomes) {
      if (type === "unknown") this.#coverage.hit("outcomeUnknown");
      if (type === "busy") this.#coverage.hit("busy");
      if (type === "readable") this.#coverage.hit("readServed");
      const question = this.#forwarded.get(id);
      this.#forwarded.delete(id);
      if (question !== undefined) {
        if (type === "readable") this.#coverage.hit("forwardedReadServed");
        else if (question.leaderId !== null && question.leaderId !== state.leaderId) {
          this.#coverage.hit("forwardedReadAcrossLeaderChange");
        }
      } else if (type === "readable" && asked?.id === id && isLeaseRead(asked) && state.peers.size > 0) {
        this.#coverage.hit("leaseReadServed");
      }
    }
  }

  #membersCommitted(): void {
    const now = this.#members();
    const before = this.#committed ?? now;
    this.#committed = now;
    if (before.index === now.index) return;
    const voters = votersOf(now.configuration, "new");
    const votersBefore = votersOf(before.configuration, "new");
    if (votersBefore.length === 1 && voters.length > 1) this.#coverage.hit("grewFromOne");
    if (voters.length === 7 && votersBefore.length < 7) this.#coverage.hit("sevenVoters");
    for (const { id } of before.configuration.members) {
      if (!now.configuration.members.some((member) => member.id === id)) this.#removed.add(id);
    }
    for (const { id, incarnation } of voters) {
      this.#removed.delete(id);
      const isNew = votersBefore.every((voter) => voter.id !== id || voter.incarnation !== incarnation);
      if (isNew && incarnation !== null && this.#nodes()[id]?.hasLostDisk === true) {
        this.#coverage.hit("wipedServerVotesAgain");
      }
    }
  }
}

function isConfiguration({ configuration }: Entry): boolean {
  return configuration !== undefined;
}

function isLeaseRead(request: RequestAction): boolean {
  return request.type === "read" && request.consistency === "lease";
}
