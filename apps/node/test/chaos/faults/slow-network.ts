import type { Path } from "../network.ts";
import type { Fault, Scene } from "./fault.ts";
import { networkFault } from "./network-fault.ts";

/** Paths to disturb: one, all of one node, or all. */
export function somePaths({ cluster: { network }, random }: Scene): readonly Path[] {
  const how = random.pick(["one", "node", "all"]);
  if (how === "all") return network.paths;
  if (how === "one") return [random.pick(network.paths)];
  const victim = random.pick(network.nodes);
  return network.paths.filter(({ from, to }) => from === victim || to === victim);
}

/** Bytes arrive late, by a time that changes from piece to piece. */
export const delay: Fault = networkFault("delay", (scene) => {
  const { cluster, random } = scene;
  for (const path of somePaths(scene)) {
    cluster.network.disturb(path, { delayMs: random.magnitude(1, 100), jitterMs: random.magnitude(1, 200) });
  }
  return 1;
});

/** Bytes arrive a few at a time. */
export const drip: Fault = networkFault("drip", (scene) => {
  const { cluster, random } = scene;
  for (const path of somePaths(scene)) {
    cluster.network.disturb(path, { bytesPerSecond: random.magnitude(2_000, 100_000) });
  }
  return 1;
});
