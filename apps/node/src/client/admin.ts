import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import type { MemberChange } from "@eraft/core";
import {
  AdminService,
  type GetNodeStatusResponse,
  type ListMembersResponse,
  RefusalReason,
  RefusalSchema,
} from "@eraft/proto/eraft/admin/v1";
import { CommandError, reasonOf } from "../errors.ts";
import { type CatchingUp, isSilent } from "../members/progress.ts";
import type { MembersView, Place } from "../members/view.ts";
import { changeToWire, memberFromWire } from "../members/wire.ts";
import type { Connections } from "./with-client.ts";

/** For a question that every node answers from memory. */
const QUESTION_TIMEOUT_MS = 1000;

/** What a cluster says of its members at one moment. */
export interface Look {
  readonly view: MembersView;
  /** It is the leader who says so; otherwise it may be outdated, and nothing can be changed just now. */
  readonly isLeaders: boolean;
  /** How the leader gets on with node `id`; null without one, and of the leader itself. */
  readonly catchingUp: (id: number) => CatchingUp | null;
  /** Whether node `id` leads, or the leader has heard from it lately. */
  readonly answers: (id: number) => boolean;
}

/** What became of a request. */
export type Answer =
  | { readonly type: "done" }
  /** Nothing was done, and nothing of it will be. */
  | {
      readonly type: "refused";
      readonly reason: "notLeader" | "later" | "impossible" | "noSuccessor";
      readonly text: string;
    }
  /** No answer: it may have been done, or may still be. */
  | { readonly type: "unknown"; readonly text: string };

/** `eraft.admin.v1.AdminService` of a cluster, whoever leads it. */
export class Admin {
  readonly #connect: Connections["connect"];
  readonly #known: Set<string>;

  /** `contacts`: some nodes of the cluster. The others are found through them. */
  constructor(contacts: readonly string[], connect: Connections["connect"]) {
    this.#known = new Set(contacts);
    this.#connect = connect;
  }

  /** Asks everybody known. Rejects with a CommandError if nobody answers. */
  async look(): Promise<Look> {
    const asked = new Set<string>();
    const failures = new Map<string, unknown>();
    const views: MembersView[] = [];
    for (
      let round = [...this.#known];
      round.length > 0;
      round = [...this.#known].filter((at) => !asked.has(at))
    ) {
      for (const address of round) asked.add(address);
      await Promise.all(
        round.map(async (address) => {
          try {
            views.push(await this.#ask(address));
          } catch (error) {
            failures.set(address, error);
          }
        }),
      );
      // Once the leader itself has spoken there is nobody left who knows better.
      if (views.some(isOfLeader)) break;
      for (const { leader } of views)
        if (leader !== null && leader.address !== "") this.#known.add(leader.address);
    }
    const view = best(views);
    if (view === null) throw nobodyAnswers(failures);
    for (const { address } of view.members) if (address !== "") this.#known.add(address);
    return isOfLeader(view) ? this.#lookOfLeader(view) : blind(view);
  }

  /** Asks the leader that `view` names, and takes it for granted that the members are still those of `view`. */
  change(
    { leader, index }: MembersView,
    changes: readonly MemberChange[],
    signal: AbortSignal,
  ): Promise<Answer> {
    const request = { changes: changes.map(changeToWire), expectedIndex: BigInt(index) };
    return this.#request(leader, (service) => service.changeMembers(request, { signal }));
  }

  /** `to`: null for whoever is best prepared. */
  transfer({ leader }: MembersView, to: number | null, signal: AbortSignal): Promise<Answer> {
    const request = to === null ? {} : { to: BigInt(to) };
    return this.#request(leader, (service) => service.transferLeadership(request, { signal }));
  }

  async #request(
    leader: Place | null,
    call: (service: Client<typeof AdminService>) => Promise<unknown>,
  ): Promise<Answer> {
    if (leader === null) return { type: "refused", reason: "notLeader", text: "there is no leader" };
    try {
      await call(createClient(AdminService, this.#connect(leader.address)));
      return { type: "done" };
    } catch (error) {
      return judge(error);
    }
  }

  async #ask(address: string): Promise<MembersView> {
    const service = createClient(AdminService, this.#connect(address));
    const response = await service.listMembers({}, { timeoutMs: QUESTION_TIMEOUT_MS });
    if (response.starting) throw new ConnectError("it is reading its data", Code.Unavailable);
    return viewOf(response, address);
  }

  async #lookOfLeader(view: MembersView): Promise<Look> {
    const service = createClient(AdminService, this.#connect(view.source.address));
    let status: GetNodeStatusResponse;
    try {
      status = await service.getNodeStatus({}, { timeoutMs: QUESTION_TIMEOUT_MS });
    } catch {
      return blind(view);
    }
    const catchingUp = (id: number): CatchingUp | null => catchingUpOf(status, id);
    const answers = (id: number): boolean => {
      const progress = catchingUp(id);
      return id === view.source.id || (progress !== null && !isSilent(progress));
    };
    return { view, isLeaders: true, catchingUp, answers };
  }
}

function blind(view: MembersView): Look {
  return { view, isLeaders: false, catchingUp: () => null, answers: () => false };
}

/** The address at which a node answered is better than the one it has for itself: we have just reached it there. */
function viewOf(response: ListMembersResponse, address: string): MembersView {
  const { leaderId, leaderAddress } = response;
  const id = Number(response.id);
  const leader = leaderId < 0n ? null : { id: Number(leaderId), address: leaderAddress };
  return {
    index: Number(response.index),
    members: response.members.map(memberFromWire),
    isCommitted: response.committed,
    clusterId: response.clusterId === "" ? null : response.clusterId,
    term: Number(response.term),
    leader: leader?.id === id ? { id, address } : leader,
    source: { id, address },
  };
}

function isOfLeader({ leader, source }: MembersView): boolean {
  return leader?.id === source.id;
}

/** The leader's, of two that think so the newer one's; else that of whoever is furthest. */
function best(views: readonly MembersView[]): MembersView | null {
  const sorted = views.toSorted((a, b) => {
    return Number(isOfLeader(b)) - Number(isOfLeader(a)) || b.term - a.term || b.index - a.index;
  });
  return sorted[0] ?? null;
}

function catchingUpOf({ peers, lastLogIndex }: GetNodeStatusResponse, id: number): CatchingUp | null {
  const peer = peers.find((peer) => peer.id === BigInt(id));
  if (peer === undefined) return null;
  const { address, state, matchIndex, lastContactMs, lastError, rejection } = peer;
  return {
    id,
    address,
    sending: state === "probe" || state === "replicate" || state === "snapshot" ? state : null,
    matchIndex: Number(matchIndex),
    lastLogIndex: Number(lastLogIndex),
    lastContactMs: lastContactMs < 0n ? null : Number(lastContactMs),
    lastError: [rejection, lastError].find((text) => text !== "") ?? null,
  };
}

type RefusalOf = Extract<Answer, { type: "refused" }>["reason"];

const REASONS: ReadonlyMap<RefusalReason, RefusalOf> = new Map([
  [RefusalReason.NOT_LEADER, "notLeader"],
  [RefusalReason.LATER, "later"],
  [RefusalReason.IMPOSSIBLE, "impossible"],
  [RefusalReason.NO_SUCCESSOR, "noSuccessor"],
]);

function judge(error: unknown): Answer {
  const connectError = ConnectError.from(error);
  const text = reasonOf(error);
  const [refusal] = connectError.findDetails(RefusalSchema);
  const reason = refusal === undefined ? undefined : REASONS.get(refusal.reason);
  if (reason !== undefined) return { type: "refused", reason, text };
  if (connectError.code === Code.InvalidArgument) return { type: "refused", reason: "impossible", text };
  return { type: "unknown", text };
}

function nobodyAnswers(failures: ReadonlyMap<string, unknown>): CommandError {
  const reasons = [...failures].map(([address, error]) => `${address}: ${reasonOf(error)}`).join("; ");
  if ([...failures.values()].some(isUnimplemented)) {
    return new CommandError(
      `the members of this cluster cannot be asked for: its nodes are none of ours, or older (${reasons})`,
    );
  }
  return new CommandError(`no node of the cluster answers (${reasons})`);
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unimplemented;
}
