import { mustHold } from "../violation.ts";
import type { WholePlan } from "./plan.ts";
import type { WholeSimulation } from "./simulation.ts";

/** How long a healed cluster may take, in election timeouts. */
const CONVERGE_TIMEOUTS = 60;
const IDLE_MS = 5000;
/** An idle cluster sends a heartbeat to each follower; sometimes an election comes between. */
const CHATTER = 1.5;

/** A healed cluster elects a leader, serves, brings every server up to date, is then quiet, and stops when it is told to. */
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
  mustHold(
    await simulation.runFor(60_000, () => callers.active === 0),
    "Every Call Settles",
    () => `${callers.active} callers still wait, long after their deadlines`,
  );
  world.timeline.after(0, "read all", () => void callers.readAll());
  mustHold(
    await simulation.runFor(limitMs, () => callers.active === 0 && callers.hasReadAll),
    "Liveness: Serves",
    () => `not every key can be read; ${state(simulation)}`,
  );
  // Right before the states are compared: a request that a client gave up long ago may still arrive, and be done.
  mustHold(await simulation.runFor(limitMs, () => hasConverged(simulation)), "Liveness: Converges", () =>
    state(simulation),
  );
  await checkEqualStates(simulation);
  await checkQuiet(simulation);
  await checkStops(simulation);
}

function hasConverged({ alive, world }: WholeSimulation): boolean {
  const states = alive.map(({ status }) => status);
  const [first] = states;
  return states.every(
    (status) =>
      status?.phase === "running" &&
      status.leaderId !== null &&
      status.leaderId === first?.leaderId &&
      status.lastApplied === first.lastLogIndex &&
      status.lastLogIndex === first.lastLogIndex &&
      status.lastApplied >= world.chronicle.lastIndex,
  );
}

async function checkEqualStates({ alive }: WholeSimulation): Promise<void> {
  const digests = await Promise.all(alive.map(async (server) => server.digest()));
  mustHold(
    digests.every((digest) => digest !== null && digest === digests[0]),
    "Equal States",
    () => `after healing, the states of servers ${alive.map(({ id }) => id).join(", ")} differ`,
  );
}

async function checkQuiet(simulation: WholeSimulation): Promise<void> {
  const { world, servers } = simulation;
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
  const heartbeats = (IDLE_MS / world.plan.node.heartbeatMs) * (servers.length - 1);
  mustHold(
    requests <= heartbeats * CHATTER,
    "Liveness: Quiet",
    () => `${requests} requests while idle, in which time ${heartbeats} heartbeats are due`,
  );
}

async function checkStops(simulation: WholeSimulation): Promise<void> {
  const { alive, world } = simulation;
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
  const one = ({ id, phase, status }: (typeof servers)[number]): string =>
    status === null
      ? `${id} ${phase}`
      : `${id} ${phase} ${status.role ?? "no role"} term ${status.term} leader ${status.leaderId ?? "?"} ` +
        `applied ${status.lastApplied} commit ${status.commitIndex} of ${status.lastLogIndex}`;
  return servers.map(one).join("; ");
}
