import type { Configuration, Member, Standing } from "@eraft/core";

/** A set of voters of whom a majority is needed. */
export interface Half {
  /** Of how many it takes a majority. */
  readonly size: number;
  /** Those who can be a part of it: a voter whose disk is lost is one of `size` and can vouch for nothing. */
  readonly electors: readonly Member[];
}

/** In which halves a standing is one of the voters, and whether it can vouch for anything. Written down anew: the core is not to check itself. */
const PARTS: Readonly<Record<Standing, { readonly old: boolean; readonly new: boolean }>> = {
  voter: { old: true, new: true },
  incoming: { old: false, new: true },
  outgoing: { old: true, new: false },
  demoted: { old: true, new: false },
  rejoining: { old: true, new: false },
  learner: { old: false, new: false },
  promotable: { old: false, new: false },
};

const HALVES = new WeakMap<Configuration, readonly Half[]>();

/** The majorities that decide under `configuration` (dissertation, 4.3): one, or of each half while it is joint. */
export function halvesOf(configuration: Configuration): readonly Half[] {
  const known = HALVES.get(configuration);
  if (known !== undefined) return known;
  const halves = isJoint(configuration)
    ? [half(configuration, "old"), half(configuration, "new")]
    : [half(configuration, "new")];
  HALVES.set(configuration, halves);
  return halves;
}

export function isJoint({ members }: Configuration): boolean {
  return members.some(({ standing }) => PARTS[standing].old !== PARTS[standing].new);
}

export function isVoter({ standing }: Member): boolean {
  return PARTS[standing].old || PARTS[standing].new;
}

export function votersOf({ members }: Configuration, half: "old" | "new"): readonly Member[] {
  return members.filter(({ standing }) => PARTS[standing][half]);
}

/** Whether those for whom `has` is true are a majority of each half. */
export function isDecidedBy(configuration: Configuration, has: (elector: Member) => boolean): boolean {
  return halvesOf(configuration).every(({ size, electors }) => 2 * electors.filter(has).length > size);
}

/** Whether any two sets of servers that can decide under `one` and under `other` share a server that is still the same, with the same disk. */
export function intersect(one: Configuration, other: Configuration): boolean {
  const names = new Set([...electorsOf(one), ...electorsOf(other)].map(({ id }) => id));
  const servers = [...names];
  // A set that decides under `one`, while what it leaves over decides under `other`: then the two could decide differently.
  for (let set = 0; set < 2 ** servers.length; set += 1) {
    const isIn = ({ id }: Member): boolean => (set & (1 << servers.indexOf(id))) !== 0;
    const isLeft = (member: Member): boolean => !isIn(member) || isOtherDisk(member, one);
    if (isDecidedBy(one, isIn) && isDecidedBy(other, isLeft)) return false;
  }
  return true;
}

function electorsOf(configuration: Configuration): readonly Member[] {
  return halvesOf(configuration).flatMap(({ electors }) => electors);
}

/** Another disk under the same id is another server. */
function isOtherDisk({ id, incarnation }: Member, { members }: Configuration): boolean {
  const before = members.find((member) => member.id === id)?.incarnation ?? null;
  return before !== null && incarnation !== before;
}

function half(configuration: Configuration, which: "old" | "new"): Half {
  const voters = votersOf(configuration, which);
  return { size: voters.length, electors: voters.filter(({ standing }) => standing !== "rejoining") };
}
