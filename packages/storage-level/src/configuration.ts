import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Configuration, Member, Standing } from "@eraft/core";
import type { Configuration as StoredConfiguration } from "@eraft/proto/eraft/cluster/v1";
import { ConfigurationSchema, Standing as StoredStanding } from "@eraft/proto/eraft/cluster/v1";
import { isUint53 } from "./bytes.ts";

/**
 * Why bytes whose checksum is right cannot be read. "malformed": no version of this package writes them. "unknown": a later version may, and what
 * it says there must not be dropped.
 */
export type Unreadable = "malformed" | "unknown";

const STORED: Readonly<Record<Standing, StoredStanding>> = {
  voter: StoredStanding.VOTER,
  incoming: StoredStanding.INCOMING,
  outgoing: StoredStanding.OUTGOING,
  demoted: StoredStanding.DEMOTED,
  rejoining: StoredStanding.REJOINING,
  learner: StoredStanding.LEARNER,
  promotable: StoredStanding.PROMOTABLE,
};

const READ: ReadonlyMap<StoredStanding, Standing> = new Map(
  Object.entries(STORED).map(([standing, stored]) => [stored, standing as Standing]),
);

/** As the protobuf message eraft.cluster.v1.Configuration. Only for one of which `configurationProblem` is null. */
export function encodeConfiguration({ members }: Configuration): Uint8Array {
  const stored = members.map(({ id, address, standing, incarnation }) => ({
    id: BigInt(id),
    address,
    standing: STORED[standing],
    incarnation: incarnation ?? "",
  }));
  return toBinary(ConfigurationSchema, create(ConfigurationSchema, { members: stored }));
}

export function decodeConfiguration(bytes: Uint8Array): Configuration | Unreadable {
  let stored: StoredConfiguration;
  try {
    stored = fromBinary(ConfigurationSchema, bytes);
  } catch {
    return "malformed";
  }
  // Dropped, they would be missing in the next snapshot, and this server would count majorities in another way than the others.
  if ([stored, ...stored.members].some(({ $unknown = [] }) => $unknown.length > 0)) return "unknown";
  const members: Member[] = [];
  for (const { id, address, standing, incarnation } of stored.members) {
    const known = READ.get(standing);
    if (known === undefined) return standing === StoredStanding.UNSPECIFIED ? "malformed" : "unknown";
    members.push({
      id: Number(id),
      address,
      standing: known,
      incarnation: incarnation === "" ? null : incarnation,
    });
  }
  return configurationProblem({ members }) === null ? { members } : "malformed";
}

/** Why `configuration` would not come back as it is; null if it would. */
export function configurationProblem({ members }: Configuration): string | null {
  if (!Array.isArray(members)) return "the members of a configuration are not a list";
  let previous = -1;
  for (const { id, address, standing, incarnation } of members as readonly Member[]) {
    if (!isUint53(id)) return `the member ${id} is not valid`;
    if (id <= previous) return `the member ${id} comes after ${previous}`;
    if (!isText(address)) return `the address of member ${id} is not a well-formed string`;
    if (STORED[standing] === undefined) return `the standing ${standing} of member ${id} is not known`;
    // The empty string is how none is stored.
    if (incarnation !== null && (!isText(incarnation) || incarnation === "")) {
      return `the incarnation of member ${id} is neither null nor a well-formed string with a character in it`;
    }
    previous = id;
  }
  return null;
}

/** Half of a surrogate pair has no bytes in UTF-8: it would come back as another character. */
function isText(value: unknown): boolean {
  return typeof value === "string" && value.isWellFormed();
}
