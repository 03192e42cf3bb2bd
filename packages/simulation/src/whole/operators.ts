import type { MemberChange } from "@eraft/core";
import {
  BusyError,
  ChangePendingError,
  ChangeRefusedError,
  type Membership,
  NodeFailedError,
  NotLeaderError,
  NotStartedError,
  OutcomeUnknownError,
  StoppedError,
  TransferFailedError,
  TransferringError,
} from "@eraft/runtime";
import { ChangeDrawer, outlook } from "../members/change-drawer.ts";
import { addressOf } from "./address.ts";
import type { Situation } from "./coverage.ts";
import { counted } from "./process.ts";
import type { Server } from "./server.ts";
import type { Survey } from "./survey.ts";
import type { World } from "./world.ts";

function isGone({ phase, disk }: Server): boolean {
  return phase === "gone" || disk.isDamaged;
}

/** What may become of a request, besides being done; and what it is called. */
const ENDINGS: readonly (readonly [new (...args: never[]) => Error, Situation | null])[] = [
  [ChangeRefusedError, "changeRefused"],
  [ChangePendingError, "changePending"],
  [OutcomeUnknownError, "changeUnknown"],
  [TransferringError, "refusedWhileTransferring"],
  [TransferFailedError, "transferFailed"],
  [NotLeaderError, null],
  [BusyError, null],
  [NotStartedError, null],
  [StoppedError, null],
  [NodeFailedError as never, null],
];

/** Who changes the members and hands over the leadership, starts servers that are to join, and switches off those that have left. */
export class WholeOperators {
  readonly #world: World;
  readonly #servers: readonly Server[];
  readonly #survey: Survey;
  readonly #drawer: ChangeDrawer;

  constructor(world: World, servers: readonly Server[], survey: Survey) {
    this.#world = world;
    this.#servers = servers;
    this.#survey = survey;
    this.#drawer = new ChangeDrawer(world.random.operators, addressOf);
  }

  begin(): void {
    const { changeEveryMs, transferEveryMs } = this.#world.plan.members;
    this.#repeatedly(changeEveryMs, () => this.#change());
    this.#repeatedly(transferEveryMs, () => this.#transfer());
  }

  /** See to it that all members run, and, where they could disturb them, that nobody else does. */
  tidyUp(): void {
    for (const server of this.#servers) {
      if (server.phase === "gone") continue;
      if (this.#survey.isMember(server.id)) {
        server.recall();
      } else if (!this.#world.plan.node.preVote) server.retire();
    }
  }

  #repeatedly(everyMs: number, what: () => void): void {
    if (!Number.isFinite(everyMs)) return;
    const { timeline, random } = this.#world;
    timeline.after(random.operators.exponential(everyMs), "operator", () => {
      if (!this.#world.isFaulty) return;
      what();
      this.#repeatedly(everyMs, what);
    });
  }

  /** Mostly whoever leads; sometimes somebody else. */
  #addressee(): Server {
    const { operators } = this.#world.random;
    const { leader } = this.#survey;
    return leader !== null && operators.chance(0.9) ? leader : operators.pick(this.#servers);
  }

  #change(): void {
    this.#switchOff();
    const server = this.#addressee();
    const { status } = server;
    if (status === null) return;
    const { index, members } = status.membership;
    const configuration = { members };
    const isMember = (server: Server): boolean => members.some(({ id }) => id === server.id);
    const changes = this.#drawer.draw({
      configuration,
      leader: server.id,
      outsiders: this.#servers.filter((one) => !isMember(one) && !isGone(one)).map(({ id }) => id),
      isDead: (id) => this.#servers.some((one) => one.id === id && isGone(one)),
    });
    const intended = outlook(configuration, changes);
    if (members.length > 0 && !this.#survey.survives(intended)) return;
    const added = changes.filter(({ type }) => type === "addVoter" || type === "addLearner");
    for (const { id } of added) this.#start(id);
    const expected = this.#world.random.operators.pick(["any", "any", "right", "stale"]);
    const options =
      expected === "any" ? {} : { expectedIndex: expected === "right" ? index : Math.max(0, index - 1) };
    const done = members.length > 0 ? this.#survey.intends(intended) : (): void => {};
    void this.#ask(
      server,
      async () => {
        const after = await server.process?.node.changeMembers(changes, options);
        if (after !== undefined) this.#changed(server, changes, after);
      },
      done,
    );
  }

  #changed(server: Server, changes: readonly MemberChange[], { members, isJoint }: Membership): void {
    const { coverage, judge } = this.#world;
    coverage.hit("membersChanged");
    const wanted = changes.filter(({ type }) => type === "addVoter" || type === "promote");
    const isVoting = (id: number): boolean =>
      members.some((member) => member.id === id && member.standing === "voter");
    judge.check(
      !isJoint && wanted.every(({ id }) => isVoting(id)),
      "Changed",
      () => `server ${server.id} reports a change as done, the members are ${JSON.stringify(members)}`,
    );
  }

  #transfer(): void {
    const { random, coverage, judge } = this.#world;
    const server = this.#addressee();
    const to = random.operators.chance(0.4) ? {} : { to: random.operators.pick(this.#servers).id };
    void this.#ask(server, async () => {
      const { process } = server;
      if (process === null) return;
      await process.node.transferLeadership(to);
      coverage.hit("leadershipTransferred");
      judge.check(
        process.life.isOver || process.node.status().role !== "leader",
        "Transferred",
        () => `server ${server.id} has handed over, and leads`,
      );
    });
  }

  /** Asks `server` for something. It is done, or the answer says what became of it. */
  async #ask(server: Server, request: () => Promise<void>, settled: () => void = () => {}): Promise<void> {
    const { life } = server;
    if (life === null || life.isPaused) {
      settled();
      return;
    }
    life.onEnd(settled);
    const { judge, coverage } = this.#world;
    try {
      await counted(this.#world, life, request());
    } catch (error) {
      if (life.isOver) return;
      const ending = ENDINGS.find(([kind]) => error instanceof kind);
      judge.check(
        ending !== undefined,
        "Operator Errors",
        () => `server ${server.id} answers ${String(error)}`,
      );
      const situation = ending?.[1] ?? null;
      if (situation !== null) coverage.hit(situation);
    } finally {
      settled();
    }
  }

  #start(id: number): void {
    const server = this.#servers[id];
    if (server === undefined || server.phase === "gone") return;
    const { timeline, random } = this.#world;
    const ms = random.operators.chance(0.7) ? 0 : random.operators.exponential(1500);
    timeline.after(ms, "start joiner", () => server.recall());
  }

  /** What is no member any more is switched off, unless somebody neglects that. */
  #switchOff(): void {
    const { random, plan } = this.#world;
    for (const server of this.#servers) {
      if (server.phase !== "running" || this.#survey.isMember(server.id)) continue;
      if (!random.operators.chance(plan.members.neglect)) server.retire();
    }
  }
}
