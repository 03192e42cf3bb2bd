import type { Member, MemberChange, Standing } from "@eraft/core";
import type { MemberChange as WireChange } from "@eraft/proto/eraft/admin/v1";
import { type Member as WireMember, Standing as WireStanding } from "@eraft/proto/eraft/cluster/v1";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MemberChangeSchema } from "@eraft/proto/eraft/admin/v1";
import type { MemberSchema } from "@eraft/proto/eraft/cluster/v1";

const STANDINGS: Readonly<Record<Standing, WireStanding>> = {
  voter: WireStanding.VOTER,
  incoming: WireStanding.INCOMING,
  outgoing: WireStanding.OUTGOING,
  demoted: WireStanding.DEMOTED,
  rejoining: WireStanding.REJOINING,
  learner: WireStanding.LEARNER,
  promotable: WireStanding.PROMOTABLE,
};

const BY_NUMBER = new Map<WireStanding, Standing>(
  Object.entries(STANDINGS).map(([standing, number]) => [number, standing as Standing]),
);

export function memberToWire(member: Member): MessageInitShape<typeof MemberSchema> {
  const { id, address, standing, incarnation } = member;
  return { id: BigInt(id), address, standing: STANDINGS[standing], incarnation: incarnation ?? "" };
}

/** Throws for a standing that a later version has and this one does not know. */
export function memberFromWire({ id, address, standing, incarnation }: WireMember): Member {
  const known = BY_NUMBER.get(standing);
  if (known === undefined) {
    throw new Error(`node ${id} has a standing (${standing}) that this version of eraft does not know`);
  }
  return { id: Number(id), address, standing: known, incarnation: incarnation === "" ? null : incarnation };
}

export function changeToWire(change: MemberChange): MessageInitShape<typeof MemberChangeSchema> {
  const id = BigInt(change.id);
  switch (change.type) {
    case "addVoter":
    case "addLearner":
    case "setAddress":
      return { change: { case: change.type, value: { id, address: change.address } } };
    case "promote":
    case "demote":
    case "remove":
      return { change: { case: change.type, value: id } };
  }
}

/** Null for one that a later version has and this one does not know, and for one without content. */
export function changeFromWire({ change }: WireChange): MemberChange | null {
  switch (change.case) {
    case "addVoter":
    case "addLearner":
    case "setAddress":
      return { type: change.case, id: Number(change.value.id), address: change.value.address };
    case "promote":
    case "demote":
    case "remove":
      return { type: change.case, id: Number(change.value) };
    case undefined:
      return null;
  }
}
