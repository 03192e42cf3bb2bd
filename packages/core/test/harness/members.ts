import type { Configuration, Entry, Member, NodeId, Standing } from "@eraft/core";

const STANDINGS: readonly string[] = [
  "voter",
  "incoming",
  "outgoing",
  "demoted",
  "rejoining",
  "learner",
  "promotable",
] satisfies Standing[];

/** Members as tests write them, `0 1 2:learner 3@disk:rejoining`: voters unless said otherwise, on a disk that nobody has named unless said. */
export function configurationOf(text: string): Configuration {
  return { members: text.split(" ").map(memberOf) };
}

/** What `configurationOf` reads; the addresses are left out. */
export function textOfMembers({ members }: Configuration): string {
  return members.map(textOfMember).join(" ");
}

/** Each configuration in a log, as `index: members`. */
export function configurationsOf({ entries }: { readonly entries: readonly Entry[] }): string[] {
  return entries.flatMap(({ index, configuration }) =>
    configuration === undefined ? [] : [`${index}: ${textOfMembers(configuration)}`],
  );
}

/** The ids of the members that have one of these standings. */
export function idsOf({ members }: Configuration, ...standings: readonly Standing[]): NodeId[] {
  return members.filter(({ standing }) => standings.includes(standing)).map(({ id }) => id);
}

function memberOf(text: string): Member {
  const { id, incarnation, standing } =
    /^(?<id>\d+)(?:@(?<incarnation>[^:]+))?(?::(?<standing>.+))?$/.exec(text)?.groups ?? {};
  if (id === undefined)
    throw new Error(`a member looks like 2, 2:learner or 2@disk:rejoining, not "${text}"`);
  return { id: Number(id), address: "", standing: standingOf(standing), incarnation: incarnation ?? null };
}

function standingOf(text: string = "voter"): Standing {
  if (!isStanding(text)) throw new Error(`there is no standing "${text}"; there are ${STANDINGS.join(", ")}`);
  return text;
}

function isStanding(text: string): text is Standing {
  return STANDINGS.includes(text);
}

function textOfMember({ id, incarnation, standing }: Member): string {
  const disk = incarnation === null ? "" : `@${incarnation}`;
  return `${id}${disk}${standing === "voter" ? "" : `:${standing}`}`;
}
