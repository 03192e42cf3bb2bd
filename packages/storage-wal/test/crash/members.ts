import type { Configuration, Member, Standing } from "@eraft/core";
import type { Random } from "./random.ts";

const STANDINGS: readonly [Standing, ...Standing[]] = [
  "voter",
  "incoming",
  "outgoing",
  "demoted",
  "rejoining",
  "learner",
  "promotable",
];

/** Some members, or none: a storage has no opinion of whom a cluster needs. Now and then more than fit a sector of a disk. */
export function nextConfiguration(random: Random): Configuration {
  const members: Member[] = [];
  const count = random.oneIn(6) ? random.between(10, 40) : random.below(5);
  for (let id = random.below(3); members.length < count; id += random.between(1, 3)) {
    members.push({
      id,
      address: random.oneIn(4) ? "" : `n${id}.例え.example:${random.between(1, 65_535)}`,
      standing: random.pick(STANDINGS),
      incarnation: random.oneIn(2) ? null : Buffer.from(random.bytes(16)).toString("hex"),
    });
  }
  return { members };
}
