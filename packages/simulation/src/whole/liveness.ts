import { mustHold } from "../violation.ts";
import type { WholePlan } from "./plan.ts";
import type { Server } from "./server.ts";
import type { WholeSimulation } from "./simulation.ts";

/** How long a healed cluster may take, in election timeouts. */
const CONVERGE_TIMEOUTS = 60;
const IDLE_MS = 5000;
/** An idle cluster sends a heartbeat to each follower; sometimes an election comes between. */
const CHATTER = 1.5;

/**
 * A healed cluster elects a leader, serves, finishes what was begun with its members, brings every one of them up to date, is then quiet, and stops when
 * it is told to.
 */
export async function checkLiveness(simulation: WholeSimulation): Promise<void> {
  const { callers, world } = simulation;
  const limitMs = CONVERGE_TIMEOUTS * timeoutMs(world.plan);
  const before = { writes: callers.writes, reads: callers.reads };
  const serves = (): boolean => callers.writes >= before.writes + 10 && callers.reads >= before.reads + 10;
  mustHold(
    await simulation.runFor(limitMs, serves),
    "Liveness: Serves",
    () =>
      `${callers.writes - before.writes} writes and ${callers.reads - before.reads} reads; ${state(simulation)}`,
  );
  callers.end();
  simulation.registers.end();
  mustHold(
    await simulation.runFor(60_000, () => callers.active + simulation.registers.active === 0),
    "Every Call Settles",
    () => `${callers.active + simulation.registers.active} callers still wait, long after their deadlines`,
  );
  world.timeline.after(0, "read all", () => void callers.readAll());
  mustHold(
    await simulation.runFor(limitMs, () => callers.active === 0 && callers.hasReadAll),
    "Liveness: Serves",
    () => `not every key can be read; ${state(simulation)}`,
  );
  await converge(simulation, limitMs);
  noteReplaced(simulation);
  await checkWatchers(simulation, limitMs);
  simulation.tidyUp();
  // Once more right before the states are compared: while the watchers went on, a request that a client gave up long ago may have arrived, and been done, and where
  // there are no pre-votes a server that was removed may have brought about an election.
  await converge(simulation, limitMs);
  await checkEqualStates(simulation, limitMs);
  await checkQuiet(simulation);
  await checkStops(simulation);
}

async function converge(simulation: WholeSimulation, limitMs: number): Promise<void> {
  mustHold(
    await simulation.runFor(limitMs, () => whyUnsettled(simulation) === null),
    "Liveness: Converges",
    () => `${whyUnsettled(simulation)}; ${state(simulation)}`,
  );
}

/** The members that can be there, by the configuration of `leader`. */
function membersOf({ servers }: WholeSimulation, leader: Server): readonly Server[] {
  const members = leader.status?.membership.members ?? [];
  return servers.filter(({ id, phase }) => phase !== "gone" && members.some((member) => member.id === id));
}

function whyUnsettled(simulation: WholeSimulation): string | null {
  const { leader } = simulation.survey;
  if (leader === null || leader.status === null) return "nobody leads";
  const { membership, lastLogIndex, commitIndex } = leader.status;
  if (commitIndex < lastLogIndex) return `${commitIndex} of ${lastLogIndex} entries are committed`;
  if (membership.isJoint) return `the configuration of ${membership.index} is joint`;
  for (const server of membersOf(simulation, leader)) {
    const why = whyLagging(server, leader, simulation);
    if (why !== null) return why;
  }
  return null;
}

function whyLagging(
  { id, status, disk }: Server,
  leader: Server,
  { world, servers }: WholeSimulation,
): string | null {
  if (status === null || leader.status === null) return `${id} is down`;
  const { lastLogIndex, membership } = leader.status;
  const hasAll =
    status.phase === "running" &&
    status.leaderId === leader.id &&
    status.lastApplied === lastLogIndex &&
    status.lastLogIndex === lastLogIndex &&
    status.lastApplied >= world.chronicle.lastIndex;
  if (!hasAll) return `${id} has not caught up`;
  const member = membership.members.find((one) => one.id === id);
  if (member?.standing === "promotable") return `${id} has not been promoted`;
  // The first configuration of a log waits for all to say who they are; who is gone never will.
  const areAllThere = membership.members.every((one) => servers[one.id]?.phase !== "gone");
  const isNamed = member?.incarnation === (world.plan.members.identifies ? disk.name : null);
  return isNamed || (membership.index === 0 && !areAllThere) ? null : `${id} is not known by its disk`;
}

/** Servers that vote again, with another disk than they began with. */
function noteReplaced({ survey, world }: WholeSimulation): void {
  for (const { id, standing } of survey.leader?.status?.membership.members ?? []) {
    if (standing === "voter" && world.replaced.has(id)) world.coverage.hit("replacedDiskVotes");
  }
}

/** All watchers hear of all there is, from whichever server they ask. */
async function checkWatchers(simulation: WholeSimulation, limitMs: number): Promise<void> {
  const { watchers, survey } = simulation;
  const history = survey.leader?.process?.machine.history;
  if (history === undefined) return;
  mustHold(
    await simulation.runFor(limitMs, () => watchers.haveSeen(history.revision)),
    "Liveness: Watches",
    () => `not every watcher has come to revision ${history.revision}`,
  );
  watchers.end();
  watchers.check(history);
}

async function checkEqualStates(simulation: WholeSimulation, limitMs: number): Promise<void> {
  const { leader } = simulation.survey;
  const members = leader === null ? [] : membersOf(simulation, leader);
  const digests: (number | null)[] = [];
  for (const [at, server] of members.entries()) void server.digest().then((digest) => (digests[at] = digest));
  // One that is on a disk is there first, and that takes its time.
  await simulation.runFor(limitMs, () => Object.keys(digests).length === members.length);
  mustHold(
    members.length > 0 &&
      digests.length === members.length &&
      digests.every((digest) => digest !== null && digest === digests[0]),
    "Equal States",
    () => `after healing, the states of servers ${members.map(({ id }) => id).join(", ")} differ`,
  );
}

async function checkQuiet(simulation: WholeSimulation): Promise<void> {
  const { world, servers, survey } = simulation;
  // For an election timeout, whoever has just been removed is told so.
  await simulation.runFor(2 * world.plan.node.electionTimeoutMs, () => false);
  const before = world.requests;
  await simulation.runFor(IDLE_MS, () => false);
  const waiting = servers.filter(({ status }) => (status?.pendingRequests ?? 0) > 0);
  mustHold(
    waiting.length === 0,
    "Every Call Settles",
    () => `servers ${waiting.map(({ id }) => id).join(", ")} owe answers, although nothing happens any more`,
  );
  // Not the answers, which are one for each request: a link that was clogged may hand over a hundred old requests for votes just now.
  const requests = world.requests - before;
  const followers = (survey.leader?.status?.membership.members.length ?? 1) - 1;
  const heartbeats = (IDLE_MS / world.plan.node.heartbeatMs) * followers;
  mustHold(
    requests <= heartbeats * CHATTER,
    "Liveness: Quiet",
    () => `${requests} requests while idle, in which time ${heartbeats} heartbeats are due`,
  );
}

async function checkStops(simulation: WholeSimulation): Promise<void> {
  const { survey, world } = simulation;
  const { alive } = survey;
  for (const server of alive) world.timeline.after(0, "stop", () => server.retire());
  mustHold(
    await simulation.runFor(10_000, () => alive.every(({ phase }) => phase === "down")),
    "Stopped Is Stopped",
    () => `some servers do not stop: ${alive.map(({ id, phase }) => `${id} is ${phase}`).join(", ")}`,
  );
  // What is left of them does nothing: the ports would tell.
  await simulation.runFor(1000, () => false);
}

function timeoutMs({ node, network, disk }: WholePlan): number {
  return (
    2 * node.electionTimeoutMs +
    4 * (network.delayMsMin + network.delayMsMean + disk.writeMsMean + node.applyMsMean)
  );
}

function state({ servers }: WholeSimulation): string {
  return servers.map(stateOf).join("; ");
}

function stateOf({ id, phase, status }: Server): string {
  if (status === null) return `${id} ${phase}`;
  const { role, term, leaderId, lastApplied, commitIndex, lastLogIndex } = status;
  return (
    `${id} ${phase} ${role ?? "no role"} term ${term} leader ${leaderId ?? "?"} ` +
    `applied ${lastApplied} commit ${commitIndex} of ${lastLogIndex}`
  );
}
