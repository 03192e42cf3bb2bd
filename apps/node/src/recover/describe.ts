import { wrap } from "../format/wrap.ts";
import type { RecoveryPlan } from "./plan.ts";
import { type Survivor, standingOf } from "./survivor.ts";

const LABEL_WIDTH = 16;
const WIDTH = 100;

/** What a recovery finds, does and costs, for somebody who has to decide on it. */
export function describeRecovery(dir: string, survivor: Survivor, plan: RecoveryPlan): string {
  const { lastLogIndex, lastLogTerm, snapshotIndex, members, clusterId } = survivor;
  const standing = standingOf(survivor, plan.id);
  const who = `node ${plan.id}${standing === null ? "" : ` (${standing})`} of cluster ${clusterId ?? "without a name"}`;
  const snapshot = snapshotIndex === 0 ? "" : `; the entries up to ${snapshotIndex} are in a snapshot`;
  const old = members?.configuration.members.map(({ id, standing }) => `${id} (${standing})`).join(", ");
  const others = plan.entry.configuration.members.filter(({ id }) => id !== plan.id);
  const becomes = [
    `cluster ${plan.clusterId}, members as of entry ${plan.entry.index} of term ${plan.entry.term}: node ${plan.id}, the only voter at first`,
    ...others.map(({ id, address }) => `node ${id} at ${address}, a learner until it has caught up`),
  ];
  return [
    row("data directory", `${dir}: ${who}`),
    row("log", `ends at entry ${lastLogIndex} of term ${lastLogTerm}${snapshot}`),
    row(
      "members so far",
      old === undefined ? "those that the cluster began with" : `${old}, as of entry ${members?.index}`,
    ),
    row("to become", `${becomes.join("; ")}.`),
    ...RISKS.flatMap((risk) => ["", ...wrap(risk, WIDTH)]),
    "",
  ].join("\n");
}

const RISKS = [
  "What was committed cannot be seen on one disk. From then on all of this log counts as committed, also what nobody was ever told is done; " +
    "and what other nodes had committed and this log does not have is LOST. If several disks are left, compare where their logs end, by this command without --yes, " +
    "and take the one of the highest term; of several of that term, the one that ends at the highest entry.",
  "Everything else begins with an empty data directory. The nodes of the cluster as it was cannot come back with theirs: they belong to another cluster from then on. " +
    "Do not let them run: a majority of them, by itself, would go on as the old cluster, and clients would find two.",
];

function row(label: string, text: string): string {
  const [first = "", ...rest] = wrap(text, WIDTH - LABEL_WIDTH);
  return [label.padEnd(LABEL_WIDTH) + first, ...rest.map((line) => " ".repeat(LABEL_WIDTH) + line)].join(
    "\n",
  );
}
