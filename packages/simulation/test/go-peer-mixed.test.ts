import { expect, test } from "vitest";
import { Cluster, isLeader, logOf, type Member } from "./go-peer-cluster/cluster.ts";

const MIXES = ["TTG", "TGG", "TTTGG", "TTGGG", "GGTGG", "TTTTG"];
const SEEDS_PER_MIX = 40;
const FAULTS_MS = 20_000;

// The rules for our own servers are checked at every step of every run, by CoreChecks.

for (const mix of MIXES) {
  test(`${mix}: one history whatever happens, and a healed cluster led by one of ours converges`, () => {
    const problems = runSeeds(mix, false, (cluster) => {
      const problems = historyProblems(cluster);
      cluster.heal();
      converge(cluster);
      return [...problems, ...historyProblems(cluster)];
    });
    expect(problems).toEqual([]);
  });

  test(`${mix}: ours stop rather than rewrite what they committed, among Go nodes that forget everything`, () => {
    let forgot = 0;
    let goTerms = 0;
    const problems = runSeeds(mix, true, (cluster) => {
      forgot += cluster.amnesias;
      goTerms += [...cluster.leaders.values()].filter((ids) => [...ids].some((id) => mix[id] === "G")).length;
      return cluster.amnesias === 0 ? historyProblems(cluster) : unjustifiedStops(cluster);
    });
    expect(problems).toEqual([]);
    expect(forgot).toBeGreaterThan(0);
    expect(goTerms).toBeGreaterThan(0);
  });
}

/** Disturbs one cluster for each seed and collects what `examine` finds, or throws. */
function runSeeds(mix: string, amnesia: boolean, examine: (cluster: Cluster) => string[]): string[] {
  return Array.from({ length: SEEDS_PER_MIX }, (_, seed) => {
    try {
      const cluster = new Cluster({ mix, seed, amnesia });
      cluster.disturb();
      cluster.run(FAULTS_MS);
      return examine(cluster).map((problem) => `${mix}, seed ${seed}: ${problem}`);
    } catch (error) {
      return [`${mix}, seed ${seed}: ${String(error)}`];
    }
  }).flat();
}

/** Without amnesia the Go nodes are correct enough for the whole cluster to have one history. */
function historyProblems({ leaders, committed, panics, members }: Cluster): string[] {
  const problems = [...panics];
  for (const [term, ids] of leaders) {
    if (ids.size > 1) problems.push(`servers ${[...ids].join(" and ")} both led term ${term}`);
  }
  for (const [index, prints] of committed) {
    if (prints.size > 1) problems.push(`entry ${index} was committed as ${[...prints].join(" and as ")}`);
  }
  for (const { kind, node } of members) {
    if (kind === "core" && node.invariantError !== null) problems.push(node.invariantError.message);
  }
  return problems;
}

/** A Go node that forgot may be elected by others like it, and then contradict what is committed. That is the only reason to stop. */
function unjustifiedStops({ members, committed }: Cluster): string[] {
  const contradiction = /^the leader's entry (\d+) has term \d+, the committed one here has term \d+$/;
  const problems = [];
  for (const { kind, node } of members) {
    if (kind !== "core" || node.invariantError === null) continue;
    const { message } = node.invariantError;
    const index = contradiction.exec(message)?.[1];
    if (index === undefined || !committed.has(Number(index))) problems.push(message);
  }
  return problems;
}

/** Has one of our servers elected, gives it a few commands, and waits until all logs are equal. */
function converge(cluster: Cluster): void {
  let proposed = 0;
  for (let round = 0; round < 900; round += 1) {
    cluster.run(200);
    const leaders = cluster.members.filter(isLeader);
    // A Go leader does not even begin to commit what earlier terms left, and may never get a follower past its snapshot. It is given
    // four seconds to bring ours up to date, and then cut off for four, so that one of ours can win.
    cluster.reconnect();
    for (const { id, kind } of leaders) {
      if (kind === "go" && round % 40 >= 20) cluster.isolate(id);
    }
    const [leader] = leaders;
    if (leaders.length !== 1 || leader?.kind !== "core") continue;
    if (proposed < 5) {
      cluster.propose();
      proposed += 1;
    } else if (areEqual(cluster.members)) {
      return;
    }
  }
  const logs = cluster.members.map((member) => JSON.stringify(logOf(member)));
  throw new Error(`no convergence\n${logs.join("\n")}`);
}

/** Whether all logs are equal as far as they reach back, and all of them committed. */
function areEqual(members: readonly Member[]): boolean {
  const logs = members.map(logOf);
  const base = Math.max(...logs.map((log) => log?.base ?? 0));
  const views = logs.map((log) => {
    if (log === null) return "down";
    const lastIndex = log.base + log.prints.length;
    const isCommitted = log.commitIndex === lastIndex;
    return JSON.stringify([isCommitted, lastIndex, log.prints.slice(base - log.base)]);
  });
  return new Set(views).size === 1 && views.every((view) => view.startsWith("[true"));
}
