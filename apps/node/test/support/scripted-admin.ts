import type { Member, MemberChange } from "@eraft/core";
import type { Admin, Answer, Look } from "../../src/client/admin.ts";
import { CommandError } from "../../src/errors.ts";
import type { CatchingUp } from "../../src/members/progress.ts";
import type { MembersView } from "../../src/members/view.ts";

/** What the cluster is at one look. */
export interface Scene {
  readonly members: readonly Member[];
  readonly index?: number;
  readonly isCommitted?: boolean;
  /** Null for nobody. Default: node 0. */
  readonly leader?: number | null;
  readonly term?: number;
  readonly catchingUp?: Partial<CatchingUp>;
  /** Who does not answer the leader. Default: nobody. */
  readonly silent?: readonly number[];
}

/** A cluster that is, look for look, what the test says; the last scene stays. Time passes only while somebody sleeps. */
export class ScriptedAdmin implements Pick<Admin, "look" | "change" | "transfer"> {
  /** What was asked for: the index it was meant for, and what. */
  readonly asked: { readonly index: number; readonly changes: readonly MemberChange[] }[] = [];
  readonly transfers: (number | null)[] = [];
  readonly said: string[] = [];
  /** What becomes of each request, in order; the last one stays. "open" never gets an answer. */
  answers: (Answer | "open")[] = ["open"];
  /** The requests that were given up. */
  aborted = 0;
  looks = 0;
  #scenes: (Scene | "down")[];
  #nowMs = 0;

  constructor(...scenes: readonly (Scene | "down")[]) {
    this.#scenes = [...scenes];
  }

  readonly now = (): number => this.#nowMs;

  readonly sleep = async (ms: number): Promise<void> => {
    this.#nowMs += ms;
  };

  readonly say = (line: string): void => void this.said.push(line);

  async look(): Promise<Look> {
    this.looks += 1;
    const scene = (this.#scenes.length > 1 ? this.#scenes.shift() : this.#scenes[0]) ?? "down";
    if (scene === "down") throw new CommandError("no node of the cluster answers");
    return lookAt(scene);
  }

  change({ index }: MembersView, changes: readonly MemberChange[], signal: AbortSignal): Promise<Answer> {
    this.asked.push({ index, changes });
    signal.addEventListener("abort", () => (this.aborted += 1));
    return this.#answer();
  }

  transfer(_view: MembersView, to: number | null): Promise<Answer> {
    this.transfers.push(to);
    return this.#answer();
  }

  async #answer(): Promise<Answer> {
    const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? "open";
    return answer === "open" ? Promise.withResolvers<Answer>().promise : answer;
  }
}

function lookAt(scene: Scene): Look {
  const { members, index = 7, isCommitted = true, leader = 0, term = 3, silent = [] } = scene;
  const place = { id: leader ?? 0, address: "10.0.0.0:5001" };
  const catchingUp = scene.catchingUp;
  return {
    isLeaders: leader !== null,
    view: {
      index,
      members,
      isCommitted,
      clusterId: "c",
      term,
      leader: leader === null ? null : place,
      source: place,
    },
    answers: (id) => !silent.includes(id),
    catchingUp: (id) =>
      catchingUp === undefined
        ? null
        : {
            id,
            address: "10.0.0.9:5001",
            sending: "replicate",
            matchIndex: 0,
            lastLogIndex: 20,
            lastContactMs: 10,
            lastError: null,
            ...catchingUp,
          },
  };
}
