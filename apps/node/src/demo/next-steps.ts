import { DEMO_ADDRESSES } from "../cluster.ts";

/** What the reader of a demo can do now: commands to copy. */
export function nextSteps(state: {
  /** How the reader calls eraft. */
  readonly eraft: string;
  readonly addresses: readonly string[];
  readonly dataDir: string;
  readonly leader: { readonly id: number; readonly pid: number };
}): string {
  const { eraft, addresses, dataDir, leader } = state;
  const list = addresses.join(",");
  const cluster = list === DEMO_ADDRESSES.join(",") ? "" : ` --cluster ${list}`;
  const lines = [
    "",
    `${addresses.length === 1 ? "A cluster of one node" : `A cluster of ${addresses.length} nodes`} is running. In another terminal:`,
    "",
    `  ${eraft} put color blue${cluster}`,
    `  ${eraft} get color${cluster}`,
    `  ${eraft} append color ,green${cluster}`,
    `  ${eraft} status${cluster}`,
    "",
    addresses.length < 3
      ? "Kill the node that leads; the demo starts it again, with its data:"
      : "Kill the node that leads; another one takes over, and the demo starts it again:",
    "",
    `  kill -9 ${leader.pid}    # node ${leader.id}`,
    "",
    `Data and logs are in ${dataDir}; the next demo goes on with them. Ctrl-C stops all nodes.`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}
