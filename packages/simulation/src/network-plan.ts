import { type Random, sometimes } from "./random.ts";

/** How messages fare. Probabilities are per message, times in virtual milliseconds. */
export interface NetworkPlan {
  readonly delayMsMin: number;
  /** Mean of the exponential part of the delay, on top of the minimum. */
  readonly delayMsMean: number;
  /** Some messages take very much longer: probability, and by which factor. */
  readonly tail: number;
  readonly tailFactor: number;
  readonly loss: number;
  readonly duplication: number;
  /** Mean milliseconds between two partitions; Infinity for none. */
  readonly partitionEveryMs: number;
  readonly partitionForMs: number;
  /** Partitions may cut one direction only. */
  readonly oneWay: boolean;
  /** Mean milliseconds between two links becoming clogged: nothing is lost, all of it arrives when the link is free again. */
  readonly clogEveryMs: number;
  readonly clogForMs: number;
  /** Whether senders are told of losses, as a connection that breaks does. */
  readonly hints: number;
}

export function drawNetwork(random: Random): NetworkPlan {
  return {
    delayMsMin: random.pick([0, 1, 10]),
    delayMsMean: random.pick([1, 5, 40]),
    tail: sometimes(random, 0.5, 0.02),
    tailFactor: random.pick([10, 100]),
    loss: sometimes(random, 0.6, random.pick([0.01, 0.1, 0.3])),
    duplication: sometimes(random, 0.5, random.pick([0.02, 0.3])),
    partitionEveryMs: random.chance(0.6) ? random.pick([1000, 5000, 20000]) : Infinity,
    partitionForMs: random.pick([300, 2000, 10000]),
    oneWay: random.chance(0.4),
    clogEveryMs: random.chance(0.3) ? random.pick([2000, 10000]) : Infinity,
    clogForMs: random.pick([200, 3000]),
    hints: sometimes(random, 0.5, random.pick([0.5, 1])),
  };
}
