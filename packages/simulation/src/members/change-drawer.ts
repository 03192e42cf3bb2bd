import type { Configuration, MemberChange, NodeId } from "@eraft/core";
import { votersOf } from "../invariants/majorities.ts";
import type { Random } from "../random.ts";

/** How many voters operators may want. More is refused. */
const VOTERS_MAX = 7;

const KINDS = [
  "grow",
  "grow",
  "shrink",
  "shrink",
  "learn",
  "promote",
  "demote",
  "replace",
  "move",
  "several",
  "nonsense",
] as const;

/** Who is what, as an operator sees it who is about to ask for a change. */
export interface Situation {
  readonly configuration: Configuration;
  readonly leader: NodeId;
  /** Servers that could be added: no members, and not gone for good. */
  readonly outsiders: readonly NodeId[];
  /** Members that are gone for good. */
  readonly isDead: (id: NodeId) => boolean;
}

/** Draws what operators ask for: sensible changes, several at a time, and sometimes what makes no sense at all. */
export class ChangeDrawer {
  readonly #random: Random;
  /** A new address for a server, the `number`th that is given out. */
  readonly #addressOf: (id: NodeId, number: number) => string;
  #votersWanted: number;
  #addresses = 0;

  constructor(random: Random, addressOf: (id: NodeId, number: number) => string) {
    this.#random = random;
    this.#addressOf = addressOf;
    this.#votersWanted = random.integer(1, VOTERS_MAX);
  }

  /** Empty if there is nothing that this operator would want here. */
  draw(situation: Situation): readonly MemberChange[] {
    const random = this.#random;
    if (random.chance(0.2)) this.#votersWanted = random.integer(1, VOTERS_MAX);
    const voters = votersOf(situation.configuration, "new").length;
    const wanted = voters < this.#votersWanted ? "grow" : "shrink";
    const kind = random.chance(0.4) ? wanted : random.pick(KINDS);
    if (kind !== "several") return this.#one(kind, situation);
    const size = random.integer(2, 4);
    const changes = Array.from({ length: size }, () => this.#one(random.pick(KINDS), situation)).flat();
    // About each server at most one thing, or most of it would be refused.
    const about = new Set<NodeId>();
    return changes.filter(({ id }) => !about.has(id) && about.add(id).has(id));
  }

  #one(kind: (typeof KINDS)[number], situation: Situation): readonly MemberChange[] {
    const random = this.#random;
    const { configuration, outsiders, leader, isDead } = situation;
    const voters = votersOf(configuration, "new").map(({ id }) => id);
    const learners = configuration.members
      .filter(({ standing }) => standing === "learner" || standing === "promotable")
      .map(({ id }) => id);
    const outsider = this.#any(outsiders);
    const victim = random.chance(0.3) ? leader : this.#any(voters);
    switch (kind) {
      case "grow":
        return this.#added("addVoter", outsider);
      case "learn":
        return this.#added("addLearner", outsider);
      case "shrink": {
        const gone = random.chance(0.3) ? this.#any(learners) : victim;
        return gone === null ? [] : [{ type: "remove", id: gone }];
      }
      case "replace":
        return victim === null || outsider === null
          ? []
          : [{ type: "remove", id: victim }, ...this.#added("addVoter", outsider)];
      case "promote": {
        const learner = this.#any(learners.filter((id) => !isDead(id)));
        return learner === null ? [] : [{ type: "promote", id: learner }];
      }
      case "demote":
        return victim === null ? [] : [{ type: "demote", id: victim }];
      case "move": {
        const id = this.#any([...voters, ...learners]);
        return id === null ? [] : [{ type: "setAddress", id, address: this.#newAddress(id) }];
      }
      case "several":
        return [];
      case "nonsense":
        return this.#nonsense(voters, outsider);
    }
  }

  #nonsense(voters: readonly NodeId[], outsider: NodeId | null): readonly MemberChange[] {
    const member = this.#any(voters) ?? 0;
    return this.#random.pick<readonly MemberChange[]>([
      [],
      [{ type: "addVoter", id: member, address: "twice" }],
      [{ type: "promote", id: member }],
      [{ type: "remove", id: outsider ?? 99 }],
      [{ type: "addLearner", id: -1, address: "nowhere" }],
      voters.map((id) => ({ type: "remove", id })),
    ]);
  }

  #added(type: "addVoter" | "addLearner", id: NodeId | null): readonly MemberChange[] {
    return id === null ? [] : [{ type, id, address: this.#newAddress(id) }];
  }

  #newAddress(id: NodeId): string {
    this.#addresses += 1;
    return this.#addressOf(id, this.#addresses);
  }

  #any(ids: readonly NodeId[]): NodeId | null {
    return ids.length === 0 ? null : this.#random.pick(ids);
  }
}

/** What `changes` will have made of the members in the end. Says nothing about whether they can be made. */
export function outlook({ members }: Configuration, changes: readonly MemberChange[]): Configuration {
  const outcome = new Map(members.map((member) => [member.id, member]));
  for (const { type, id } of changes) {
    const member = outcome.get(id) ?? { id, address: "", standing: "learner", incarnation: null };
    if (type === "remove") outcome.delete(id);
    else if (type === "addVoter") outcome.set(id, { ...member, standing: "promotable" });
    else if (type === "addLearner" || type === "demote") outcome.set(id, { ...member, standing: "learner" });
    else if (type === "promote") outcome.set(id, { ...member, standing: "promotable" });
  }
  return { members: [...outcome.values()] };
}
