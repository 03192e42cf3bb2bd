import type { NodeId, Outcome } from "@eraft/core";
import type { Node } from "../cluster/node.ts";
import { Random } from "../random.ts";
import { ChangeDrawer, outlook } from "../members/change-drawer.ts";
import type { Surroundings } from "./surroundings.ts";

/** Requests of operators are numbered from here on, those of clients from 1. */
const FIRST_ID = 2 ** 31;

/** How soon after a request that somebody sabotages it happens. */
const SABOTAGE_MS = 30;

/** What happens just then: the target is cut off, or crashes; or the leader is cut off when it has asked the target to take over. */
type Sabotage = "targetCut" | "targetCrash" | "leaderCut";

const SABOTAGES: readonly Sabotage[] = ["targetCut", "targetCrash", "targetCrash", "leaderCut"];

/** How soon after a request the leader has asked. */
const ASKED_MS = 3;

interface Transfer {
  readonly sabotage: Sabotage | null;
}

/** Who changes the members and hands over the leadership, starts servers that are to join, and switches off those that have left. */
export class Operators {
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #drawer: ChangeDrawer;
  readonly #transfers = new Map<number, Transfer>();
  #ids = FIRST_ID;
  #areAtWork = true;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#random = new Random(around.plan.seed, "operators");
    this.#drawer = new ChangeDrawer(this.#random, (id, number) => `server-${id}.${number}`);
  }

  begin(): void {
    const { changeEveryMs, transferEveryMs } = this.#around.plan.operators;
    this.#repeatedly(changeEveryMs, () => this.#change());
    this.#repeatedly(transferEveryMs, () => this.#transfer());
  }

  /** Ask for nothing any more, and see to it that all members run. */
  heal(): void {
    this.#areAtWork = false;
    const { fleet, cluster } = this.#around;
    for (const { id } of cluster.nodes) if (fleet.isMember(id)) fleet.returns(id);
    this.tidyUp();
  }

  /** Where they could disturb the others, servers that are no members any more are switched off. */
  tidyUp(): void {
    const { fleet, plan } = this.#around;
    if (plan.servers.isUndisturbed) return;
    for (const { id } of fleet.up) {
      if (fleet.isMember(id)) continue;
      fleet.retires(id);
      this.#around.perform({ type: "crash", node: id, keepsWrite: true });
    }
  }

  /** One of their requests was answered. */
  answered(outcome: Outcome): void {
    const { coverage, fleet } = this.#around;
    fleet.answered(outcome.id);
    const transfer = this.#transfers.get(outcome.id);
    this.#transfers.delete(outcome.id);
    switch (outcome.type) {
      case "changed":
        return coverage.hit("membersChanged");
      case "changePending":
        return coverage.hit("changePending");
      case "refused":
        return coverage.hit(
          outcome.reason.startsWith("the configuration is that of") ? "staleChangeRefused" : "changeRefused",
        );
      case "transferred":
        return coverage.hit(transfer?.sabotage === null ? "transferred" : "transferredAllTheSame");
      case "transferFailed":
        if (!outcome.reason.endsWith("in time")) return;
        coverage.hit("transferTimedOut");
        if (transfer?.sabotage === "targetCrash") coverage.hit("transferTargetCrashed");
        if (transfer?.sabotage === "targetCut") coverage.hit("transferTargetCutOff");
        return;
      case "transferring":
        return coverage.hit("refusedWhileTransferring");
      case "unknown":
        return coverage.hit("changeUnknown");
      case "notLeader":
      case "committed":
      case "readable":
      case "busy":
    }
  }

  #repeatedly(everyMs: number, what: () => void): void {
    if (!Number.isFinite(everyMs)) return;
    this.#around.later(this.#random.exponential(everyMs), () => {
      if (!this.#areAtWork) return;
      what();
      this.#repeatedly(everyMs, what);
    });
  }

  /** Mostly whoever leads; sometimes somebody else. */
  #addressee(): Node | null {
    const { fleet } = this.#around;
    const { leader, up } = fleet;
    if (leader !== null && this.#random.chance(0.9)) return leader;
    return up.length === 0 ? null : this.#random.pick(up);
  }

  #change(): void {
    this.#switchOff();
    const { cluster, fleet } = this.#around;
    const node = this.#addressee();
    if (node === null) return;
    const { index, configuration } = node.state.configuration;
    const isMember = (id: NodeId): boolean => configuration.members.some((member) => member.id === id);
    const changes = this.#drawer.draw({
      configuration,
      leader: node.id,
      outsiders: cluster.nodes.map(({ id }) => id).filter((id) => !isMember(id) && !fleet.isDead(id)),
      isDead: (id) => fleet.isDead(id),
    });
    // An operator who knows which servers are gone leaves a majority of others.
    const intended = outlook(configuration, changes);
    if (configuration.members.length > 0 && !fleet.survives(intended)) return;
    for (const { type, id } of changes) if (type === "addVoter" || type === "addLearner") this.#start(id);
    this.#sabotageChange(node.id);
    const expected = this.#random.pick(["any", "any", "right", "stale"]);
    const expectedIndex = expected === "any" ? null : expected === "right" ? index : Math.max(0, index - 1);
    const id = this.#nextId();
    if (configuration.members.length > 0) fleet.intends(id, { node: node.id, configuration: intended });
    this.#around.perform({ type: "change", node: node.id, id, changes, expectedIndex });
  }

  /** The leader is cut off with a change that nobody else has; or the lights go out in the middle of it. */
  #sabotageChange(leader: NodeId): void {
    const { plan, fleet } = this.#around;
    if (!this.#random.chance(plan.operators.sabotage / 2)) return;
    if (this.#random.chance(0.5)) {
      this.#cutOff(leader);
      return;
    }
    this.#around.later(this.#random.exponential(SABOTAGE_MS), () => {
      if (!this.#areAtWork) return;
      for (const { id } of fleet.up) this.#around.crash(id);
    });
  }

  #start(id: NodeId): void {
    const { cluster, fleet, plan } = this.#around;
    if (id < 0 || fleet.isDead(id) || cluster.node(id).isUp) return;
    fleet.returns(id);
    const isAtOnce = this.#random.chance(plan.operators.punctuality);
    this.#around.later(isAtOnce ? 0 : this.#random.exponential(2000), () => {
      if (!fleet.isDead(id) && !fleet.isRetired(id)) this.#around.perform({ type: "restart", node: id });
    });
  }

  /** What is no member any more is switched off, unless somebody neglects that; its disk may be given to somebody else. */
  #switchOff(): void {
    const { cluster, fleet, plan } = this.#around;
    for (const node of fleet.up) {
      const { id } = node;
      if (fleet.isMember(id) || fleet.isDead(id) || this.#random.chance(plan.operators.neglect)) continue;
      fleet.retires(id);
      this.#around.perform({ type: "crash", node: id, keepsWrite: true });
      const isWiped = plan.servers.identifies && this.#random.chance(0.5) && fleet.canBeWiped(node);
      if (isWiped) this.#around.perform({ type: "wipe", node: cluster.node(id).id });
    }
  }

  #transfer(): void {
    const { cluster, fleet } = this.#around;
    const node = this.#addressee();
    if (node === null) return;
    const { members } = node.state.configuration.configuration;
    const somebody = this.#random.pick([
      ...members.map(({ id }) => id),
      ...cluster.nodes.map(({ id }) => id),
    ]);
    const to = this.#random.chance(0.3) ? null : somebody;
    const isSabotaged = to !== node.id && this.#random.chance(this.#around.plan.operators.sabotage);
    const sabotage = isSabotaged ? this.#random.pick(SABOTAGES) : null;
    const id = this.#nextId();
    this.#transfers.set(id, { sabotage });
    if (to !== null && sabotage === "targetCut") this.#cutOff(to);
    this.#around.perform({ type: "transfer", node: node.id, id, to });
    if (to !== null && sabotage === "targetCrash" && !fleet.isDead(to)) this.#crashSoon(to);
    if (sabotage === "leaderCut") {
      this.#around.later(this.#random.exponential(ASKED_MS), () => this.#cutOff(node.id));
    }
  }

  #cutOff(id: NodeId): void {
    if (!this.#areAtWork) return;
    const { network, fleet, plan } = this.#around;
    const reconnect = network.isolate([id], fleet.known);
    this.#around.later(this.#random.exponential(plan.network.partitionForMs), reconnect);
  }

  #crashSoon(id: NodeId): void {
    this.#around.later(this.#random.exponential(SABOTAGE_MS), () => {
      if (this.#areAtWork) this.#around.crash(id);
    });
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }
}
