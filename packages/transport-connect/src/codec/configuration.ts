import type { Configuration, Member, Standing } from "@eraft/core";
import { Standing as WireStanding } from "@eraft/proto/eraft/cluster/v1";
import type { Configuration as WireConfiguration, Member as WireMember } from "@eraft/proto/eraft/cluster/v1";
import { notFrom } from "./checks.ts";

const TO_WIRE: Readonly<Record<Standing, WireStanding>> = {
  voter: WireStanding.VOTER,
  incoming: WireStanding.INCOMING,
  outgoing: WireStanding.OUTGOING,
  demoted: WireStanding.DEMOTED,
  rejoining: WireStanding.REJOINING,
  learner: WireStanding.LEARNER,
  promotable: WireStanding.PROMOTABLE,
};

const FROM_WIRE: ReadonlyMap<WireStanding, Standing> = new Map(
  (Object.keys(TO_WIRE) as Standing[]).map((standing) => [TO_WIRE[standing], standing]),
);

export function encodeConfiguration({ members }: Configuration): WireConfiguration {
  return {
    $typeName: "eraft.cluster.v1.Configuration",
    members: members.map((member) => ({
      $typeName: "eraft.cluster.v1.Member",
      id: BigInt(member.id),
      address: member.address,
      standing: TO_WIRE[member.standing],
      incarnation: member.incarnation ?? "",
    })),
  };
}

/** A string says what is wrong with it. */
export function decodeConfiguration(wire: WireConfiguration): Configuration | string {
  const members: Member[] = [];
  let previousId = -1;
  for (const wireMember of wire.members) {
    const member = decodeMember(wireMember);
    if (typeof member === "string") return member;
    if (member.id <= previousId) return `member ${member.id} after member ${previousId}`;
    previousId = member.id;
    members.push(member);
  }
  return { members };
}

function decodeMember(wire: WireMember): Member | string {
  const id = Number(wire.id);
  const fault = notFrom(0, "id of a member", id);
  if (fault !== null) return fault;
  const standing = FROM_WIRE.get(wire.standing);
  // A newer server may know one that we do not; who takes it for another one counts votes wrongly.
  if (standing === undefined) return `member ${id} has a standing that is unknown here, ${wire.standing}`;
  const incarnation = wire.incarnation === "" ? null : wire.incarnation;
  return { id, address: wire.address, standing, incarnation };
}
