import type { ChaosNetwork, End } from "../network.ts";
import type { Fault } from "./fault.ts";
import { networkFault } from "./network-fault.ts";

function cut(network: ChaosNetwork, from: End, to: End): void {
  network.disturb({ from, to }, { cut: true });
}

/** A minority of the nodes is cut off from the others, with the clients on either side. */
export const partition: Fault = networkFault("partition", ({ cluster: { network }, random }) => {
  const size = Math.floor((network.nodes.length - 1) / 2);
  const minority = new Set<End>(random.shuffled(network.nodes).slice(0, size));
  const clientsStay = random.pick(["minority", "majority", "both"]);
  for (const { from, to } of network.paths) {
    const sides = [from, to].map((end) =>
      end === "clients" ? clientsStay : minority.has(end) ? "minority" : "majority",
    );
    if (!sides.includes("both") && sides[0] !== sides[1]) cut(network, from, to);
  }
  return 1;
});

/** One node is heard by nobody, or hears nobody, or the same on a single path: the rest of the traffic flows. */
export const oneWayCut: Fault = networkFault("one-way cut", ({ cluster: { network }, random }) => {
  const victim = random.pick(network.nodes);
  const how = random.pick(["mute", "deaf", "path"]);
  if (how === "path") {
    const { from, to } = random.pick(network.paths);
    cut(network, from, to);
    return 1;
  }
  for (const other of network.nodes) {
    if (other === victim) continue;
    if (how === "mute") cut(network, victim, other);
    else cut(network, other, victim);
  }
  return 1;
});

/** Each node reaches only its neighbours in a ring. Of three nodes each is everybody's neighbour, so there the ring is open: a chain. */
export const ring: Fault = networkFault("ring", ({ cluster: { network }, random }) => {
  const order = random.shuffled(network.nodes);
  const last = order.length - 1;
  for (const [a, first] of order.entries()) {
    for (const [b, second] of order.entries()) {
      const apart = Math.abs(a - b);
      const areNeighbours = apart === 1 || (apart === last && order.length > 3);
      if (a !== b && !areNeighbours) cut(network, first, second);
    }
  }
  return 1;
});
