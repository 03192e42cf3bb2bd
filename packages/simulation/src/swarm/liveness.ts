import type { ConfigurationAt, NodeId } from "@eraft/core";
import type { Node } from "../cluster/node.ts";
import { isJoint, isVoter } from "../invariants/majorities.ts";
import { mustHold } from "../violation.ts";
import type { Fleet } from "./fleet.ts";
import type { Plan } from "./plan.ts";
import type { Simulation } from "./simulation.ts";

/** How long a healed cluster may take for each of the steps below, in the longest election timeouts of its plan. */
const STEP_TIMEOUTS = 60;

/** For how long nothing must change afterwards. */
const QUIET_TIMEOUTS = 4;

/** What a healed cluster must come to, step by step. */
export function converge(simulation: Simulation): void {
  serve(simulation);
  simulation.clients.beContent();
  settle(simulation);
  simulation.tidyUp();
  keepQuiet(simulation);
  endure(simulation);
}

/** A leader is there and serves. */
function serve(simulation: Simulation): void {
  const { ledger } = simulation;
  const { writes, reads } = ledger;
  reach(
    simulation,
    "Liveness: Serves",
    () => ledger.writes >= writes + 10 && ledger.reads >= reads + 10,
    () => `${ledger.writes - writes} writes and ${ledger.reads - reads} reads after healing`,
  );
}

/** What was begun is done: changes of the members, promotions, replication, requests. */
function settle(simulation: Simulation): void {
  const { checker, ledger } = simulation;
  // Where a message carries one entry and a follower is thousands behind, the last step takes as long as it takes. Nothing is written any more, so that it
  // gets longer at most once for each entry; a follower that gets nothing has no more time than anybody.
  let applied = -1;
  while (entriesApplied(simulation) > applied && whyUnsettled(simulation) !== null) {
    applied = entriesApplied(simulation);
    simulation.runFor(stepMs(simulation), () => whyUnsettled(simulation) === null);
  }
  const complaint = whyUnsettled(simulation);
  mustHold(complaint === null, "Liveness: Settles", () => String(complaint));
  mustHold(
    checker.history.length >= ledger.acknowledged,
    "Acknowledged Is Kept",
    () => `acknowledged up to ${ledger.acknowledged}, history ends at ${checker.history.length}`,
  );
}

/** One leader in one term, whoever knocks at the door. */
function keepQuiet(simulation: Simulation): void {
  const { plan, fleet } = simulation;
  const before = stateOfAffairs(simulation);
  simulation.runFor(QUIET_TIMEOUTS * longestTimeoutMs(plan), () => false);
  checkUndisturbed(simulation, before);
  const complaint = fleet.leader === null ? "nobody leads" : whyNotIdle(fleet.leader, fleet);
  mustHold(complaint === null, "Idle Means Idle", () => String(complaint));
}

/** Still the same when one of the others can talk, and does not hear from the leader (dissertation, 4.2.3 and 9.6). */
function endure(simulation: Simulation): void {
  const { plan, fleet, network } = simulation;
  const { leader } = fleet;
  if (leader === null) return;
  const { configuration } = leader.state.configuration;
  // Without that one, the leader must still hear from a majority.
  const deaf = configuration.members.find(
    (member) => isVoter(member) && member.id !== leader.id && fleet.survives(configuration, member.id),
  );
  if (deaf === undefined) return;
  const before = stateOfAffairs(simulation);
  network.cut(leader.id, deaf.id);
  simulation.runFor(QUIET_TIMEOUTS * longestTimeoutMs(plan), () => false);
  network.reconnect();
  checkUndisturbed(simulation, before);
}

function checkUndisturbed(simulation: Simulation, before: string): void {
  const { isUndisturbed, isPatient } = simulation.plan.servers;
  const after = stateOfAffairs(simulation);
  const mustBeEqual = isUndisturbed && isPatient;
  mustHold(
    before === after || !mustBeEqual,
    "Liveness: Stays Quiet",
    () => `first ${before}, and then ${after}`,
  );
  settle(simulation);
}

function stateOfAffairs({ fleet }: Simulation): string {
  const { leader } = fleet;
  if (leader === null) return "nobody leads";
  const { term, lastLogIndex, configuration } = leader.state;
  return `${leader.id} leads term ${term} with ${lastLogIndex} entries and the configuration of ${configuration.index}`;
}

function whyUnsettled(simulation: Simulation): string | null {
  const { fleet, checker } = simulation;
  const { leader } = fleet;
  if (leader === null) return "nobody leads";
  const { commitIndex, lastLogIndex, configuration, term } = leader.state;
  if (commitIndex < lastLogIndex) return `${commitIndex} of ${lastLogIndex} entries are committed`;
  const { members } = configuration.configuration;
  const isVoting = members.some(({ id, standing }) => id === leader.id && standing === "voter");
  if (!isVoting) return `${leader.id} leads, and is no voter`;
  const unfinished = whyUnfinished(configuration, simulation);
  if (unfinished !== null) return unfinished;
  for (const { id } of members) {
    if (fleet.isDead(id)) continue;
    const node = simulation.cluster.node(id);
    const lag = whyLagging(node, { term, leaderId: leader.id, lastLogIndex });
    if (lag !== null) return lag;
  }
  for (const { node, request } of checker.requests.open()) {
    return `${node} has not answered ${JSON.stringify(request)}`;
  }
  return null;
}

function whyUnfinished(
  { configuration, index }: ConfigurationAt,
  { fleet, cluster }: Simulation,
): string | null {
  if (isJoint(configuration)) return `the configuration of ${index} is joint`;
  const alive = configuration.members.filter(({ id }) => !fleet.isDead(id));
  const learner = alive.find(({ standing }) => standing === "promotable");
  if (learner !== undefined) return `${learner.id} has not been promoted`;
  // The first configuration of a log waits for all to say who they are; who is dead never will.
  if (index === 0 && alive.length < configuration.members.length) return null;
  const stranger = alive.find(({ id, incarnation }) => cluster.node(id).incarnation !== incarnation);
  return stranger === undefined ? null : `${stranger.id} is not known by its disk`;
}

/** By all servers that run, together. */
function entriesApplied({ cluster }: Simulation): number {
  return cluster.nodes.reduce((sum, node) => sum + (node.isUp ? node.machine.index : 0), 0);
}

interface Leadership {
  readonly term: number;
  readonly leaderId: NodeId;
  readonly lastLogIndex: number;
}

function whyLagging(node: Node, { term, leaderId, lastLogIndex }: Leadership): string | null {
  if (!node.isUp) return `${node.id} is down`;
  const { state, machine, id } = node;
  if (state.term !== term || state.leaderId !== leaderId) {
    return `${id} follows ${state.leaderId} in term ${state.term}, not ${leaderId} in term ${term}`;
  }
  if (machine.index < lastLogIndex) return `${id} has applied ${machine.index} of ${lastLogIndex} entries`;
  return state.stableIndex < lastLogIndex ? `${id} has stored ${state.stableIndex} entries` : null;
}

/** Nothing is on its way any more that a leader would count. */
function whyNotIdle({ state }: Node, fleet: Fleet): string | null {
  if (state.uncommittedBytes > 0)
    return `${state.id} counts ${state.uncommittedBytes} bytes as not committed`;
  for (const [id, peer] of state.peers) {
    if (fleet.isDead(id)) continue;
    if (peer.inflightBytes > 0) return `${state.id} waits for ${peer.inflightBytes} bytes to reach ${id}`;
    if (peer.state !== "replicate" || peer.nextIndex !== state.lastLogIndex + 1) {
      return `${state.id} has ${id} in ${peer.state} at ${peer.nextIndex} of ${state.lastLogIndex + 1}`;
    }
  }
  return null;
}

function reach(simulation: Simulation, property: string, done: () => boolean, otherwise: () => string): void {
  mustHold(simulation.runFor(stepMs(simulation), done), property, otherwise);
}

function stepMs({ plan }: Simulation): number {
  return STEP_TIMEOUTS * longestTimeoutMs(plan);
}

function longestTimeoutMs({ servers, tickMs, network, disk }: Plan): number {
  const ticks = Math.max(...servers.configs.map(({ electionTimeoutTicksMax }) => electionTimeoutTicksMax));
  // A round trip and a write belong to every step of an election, however short the timeouts are.
  return (
    ticks * tickMs + 4 * (network.delayMsMin + network.delayMsMean + disk.writeMsMean + disk.applyMsMean)
  );
}
