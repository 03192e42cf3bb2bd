import type { End } from "../network.ts";
import type { Fault, Scene } from "./fault.ts";
import { networkFault } from "./network-fault.ts";
import { somePaths } from "./slow-network.ts";

/** Connections are reset after so many bytes, in the middle of whatever that is: again and again, at another byte each time. */
export const reset: Fault = networkFault("reset at a byte", (scene) => {
  const { cluster, random } = scene;
  for (const path of somePaths(scene)) {
    cluster.network.disturb(path, { resetWithinBytes: random.magnitude(100, 200_000) });
  }
  return 1;
});

/** Connections to and from a node are refused. */
export const refuse: Fault = networkFault("refuse", (scene) => {
  const [victim, others] = victimAndOthers(scene);
  for (const other of others) scene.cluster.network.refuse(other, victim);
  return 1;
});

/** A node forgets its connections, and nobody is told: the other ends go on to talk to nobody until they find out. */
export const halfOpen: Fault = networkFault("half-open", (scene) => {
  const [victim, others] = victimAndOthers(scene);
  for (const other of others) scene.cluster.network.forget(other, victim);
  return 1;
});

function victimAndOthers({ cluster: { network }, random }: Scene): [number, readonly End[]] {
  const victim = random.pick(network.nodes);
  const ends: readonly End[] = [...network.nodes.filter((node) => node !== victim), "clients"];
  return [victim, random.chance(0.5) ? ends : [random.pick(ends)]];
}
