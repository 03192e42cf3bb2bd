import type { Configuration, Member, Standing } from "@eraft/core";
import type { Random } from "../common/random.ts";

/** All there are: a new one that is missing here does not compile. */
const STANDINGS = Object.keys({
  voter: true,
  incoming: true,
  outgoing: true,
  demoted: true,
  rejoining: true,
  learner: true,
  promotable: true,
} satisfies Record<Standing, true>) as [Standing, ...Standing[]];

function member(id: number, part: Partial<Member> = {}): Member {
  return { id, address: `n${id}:7000`, standing: "voter", incarnation: null, ...part };
}

export interface SampleConfiguration {
  /** Completes "a configuration with ...". */
  readonly what: string;
  readonly configuration: Configuration;
}

/** Configurations of which each has something that is easily lost. No one takes more than `maxBytes` in any reasonable form. */
export function sampleConfigurations(maxBytes: number): readonly SampleConfiguration[] {
  const many = Math.max(3, Math.min(500, Math.floor(maxBytes / 200)));
  const samples: Readonly<Record<string, readonly Member[]>> = {
    "one voter": [member(0)],
    "members of every standing": STANDINGS.map((standing, id) => member(id, { standing })),
    "a voter that joins while another leaves": [
      member(0),
      member(1, { standing: "outgoing" }),
      member(2, { standing: "incoming" }),
    ],
    "members without an address": [member(0, { address: "" }), member(1), member(2, { address: "" })],
    "some disks known and some not": [
      member(0, { incarnation: "00112233445566778899aabbccddeeff" }),
      member(1),
      member(2, { incarnation: "0" }),
    ],
    "addresses in any script, and with any sign": [
      member(0, { address: "zoë.例え.example:7000" }),
      member(1, { address: "🜁\n\"'\\,;:{}[]\u2028 \u00e9 e\u0301" }),
    ],
    "ids that are far apart": [member(2), member(2 ** 31), member(2 ** 53 - 1)],
    [`${many} members`]: Array.from({ length: many }, (_, id) =>
      member(id, { standing: id % 5 === 0 ? "voter" : "learner", incarnation: `disk-${id}` }),
    ),
  };
  return Object.entries(samples).map(([what, members]) => ({ what, configuration: { members } }));
}

/** Server 3 takes the place of server 1; of the others one is known by its disk, and one nobody has found yet. */
export const JOINT: Configuration = {
  members: [
    member(0, { incarnation: "d0" }),
    member(1, { standing: "outgoing" }),
    member(2, { address: "" }),
    member(3, { standing: "incoming", address: "zoë:7000", incarnation: "d3" }),
  ],
};

/** What a joint configuration becomes. */
export const SETTLED: Configuration = { members: JOINT.members.filter(({ id }) => id !== 1).map(settled) };

function settled(one: Member): Member {
  return { ...one, standing: "voter" };
}

/** A few members, drawn at random. */
export function randomConfiguration(random: Random): Configuration {
  const ids = [0, 1, 2, 3, 4, 5, 6].filter(() => random.oneIn(2));
  const members = ids.map((id) =>
    member(id, {
      standing: random.pick(STANDINGS),
      ...(random.oneIn(3) ? { address: "" } : {}),
      ...(random.oneIn(2) ? { incarnation: `${random.below(1e9)}` } : {}),
    }),
  );
  return { members: members.length === 0 ? [member(random.below(10))] : members };
}
