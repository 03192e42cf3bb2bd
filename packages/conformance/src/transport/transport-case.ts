import { type Case, defineCase } from "../common/case.ts";
import { Bench } from "./bench.ts";
import { DEFAULT_PATIENCE_MS, DEFAULT_TRANSPORT_SUPPORT, type TransportHarness } from "./harness.ts";
import type { Peer } from "./peer.ts";

/** Three servers; cases for two leave the third alone. */
export type Body3 = (bench: Bench, a: Peer, b: Peer, c: Peer) => Promise<void>;

export type CaseMaker = (method: string, name: string, body: Body3) => Case;

/** Makes cases on networks that nobody has started yet, or `running` ones. */
export function caseMaker(harness: TransportHarness, running: boolean): CaseMaker {
  const supports = { ...DEFAULT_TRANSPORT_SUPPORT, ...harness.supports };
  return (method, name, body) =>
    defineCase(method, name, async (witness) => {
      const network = await harness.create(3);
      const bench = new Bench(network, witness, supports, harness.patienceMs ?? DEFAULT_PATIENCE_MS);
      const [a, b, c] = bench.peers;
      if (a === undefined || b === undefined || c === undefined) {
        throw new RangeError(`create(3) gave ${bench.peers.length} servers`);
      }
      try {
        if (running) await bench.startAll();
        await body(bench, a, b, c);
        bench.checkAll();
      } finally {
        await Promise.allSettled(bench.peers.map((peer) => peer.stop()));
        await network.dispose?.();
      }
    });
}
