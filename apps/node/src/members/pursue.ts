import type { Admin, Answer, Look } from "../client/admin.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import type { Goal, Stage } from "./goals.ts";
import { type CatchingUp, describe, hasProgressed } from "./progress.ts";
import { objection } from "./safety.ts";
import type { MembersView } from "./view.ts";

/** Between two looks at the members. */
const LOOK_EVERY_MS = 200;

export interface PursuitOptions {
  /** Where the cluster is asked. */
  readonly admin: Pick<Admin, "look" | "change">;
  /** Tells the user what is being waited for; called when that has changed. */
  readonly say: (line: string) => void;
  /** Until all is done; otherwise until the change is committed, which makes it certain. */
  readonly waits: boolean;
  /** Gives up when nothing has come forward for this long. */
  readonly patienceMs: number;
  /** Milliseconds from an arbitrary start. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Pursued {
  readonly view: MembersView;
  /** There is nothing left to wait for. */
  readonly isDone: boolean;
}

/** A request that is on its way. */
interface Attempt {
  readonly expectedIndex: number;
  readonly controller: AbortController;
  answer: Answer | null;
}

/**
 * Brings the members to where an operator wants them, across lost answers and new leaders.
 *
 * What counts is what the cluster says its members are, never what became of a request: an answer can be lost, and a leader that has taken
 * a change on can be replaced by one that has never heard of it. A request says which configuration it was meant for, so repeating it
 * does no harm: the cluster takes it once.
 *
 * Rejects with a CommandError that says what is the case and what to do.
 */
export async function pursue(goal: Goal, options: PursuitOptions): Promise<Pursued> {
  const pursuit = new Pursuit(goal, options);
  try {
    return await pursuit.run();
  } finally {
    pursuit.end();
  }
}

class Pursuit {
  readonly #goal: Goal;
  readonly #options: PursuitOptions;
  #attempt: Attempt | null = null;
  /** The last look with a leader. */
  #look: Look | null = null;
  #stage: Stage = "toDo";
  #catchingUp: CatchingUp | null = null;
  #progressAtMs: number;
  /** The change was seen committed: if it is gone, somebody has undone it. */
  #wasCommitted = false;
  /** A request went unanswered. */
  #mayBeDone = false;
  #lastSaid = "";
  #lastReason = "there is no leader";

  constructor(goal: Goal, options: PursuitOptions) {
    this.#goal = goal;
    this.#options = options;
    this.#progressAtMs = options.now();
  }

  async run(): Promise<Pursued> {
    const { sleep, now, patienceMs } = this.#options;
    for (;;) {
      const look = await this.#takeLook();
      if (look !== null) {
        const end = this.#judge(look);
        if (end !== null) return end;
      }
      this.#settleAttempt();
      if (now() - this.#progressAtMs > patienceMs) throw this.#givingUp();
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** A request that is still open goes its way without us. */
  end(): void {
    this.#attempt?.controller.abort();
  }

  async #takeLook(): Promise<Look | null> {
    try {
      const look = await this.#options.admin.look();
      if (look.isLeaders) return look;
      this.#lastReason = "there is no leader";
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      // At the beginning it is the command line that is wrong, or the cluster that is down; later a leader may be on its way.
      if (this.#look === null && !this.#hasAsked) throw error;
      this.#lastReason = error.message;
    }
    this.#sayOnce(`${this.#lastReason}; waiting for one`);
    return null;
  }

  get #hasAsked(): boolean {
    return this.#attempt !== null || this.#mayBeDone;
  }

  #judge(look: Look): Pursued | null {
    const { view } = look;
    const stage = this.#goal.stage(view);
    this.#track(look, stage);
    if (stage === "done") return { view, isDone: true };
    if (stage === "underWay") {
      if (view.isCommitted) this.#wasCommitted = true;
      if (view.isCommitted && !this.#options.waits) return { view, isDone: false };
      this.#sayOnce(this.#catchingUp === null ? "waiting for a majority" : describe(this.#catchingUp));
      return null;
    }
    if (this.#wasCommitted) {
      throw new CommandError("it was done, and somebody has undone it since: see eraft member list");
    }
    if (this.#attempt === null) this.#ask(look);
    return null;
  }

  #track(look: Look, stage: Stage): void {
    const isFirst = this.#look === null;
    const hasMoved = stage !== this.#stage || look.view.index !== this.#look?.view.index;
    const { awaited } = this.#goal;
    const catchingUp = awaited === null ? null : look.catchingUp(awaited);
    if (hasMoved || hasProgressed(this.#catchingUp, catchingUp)) this.#progressAtMs = this.#options.now();
    this.#look = look;
    this.#stage = stage;
    this.#catchingUp = catchingUp;
    if (isFirst) {
      const problem = this.#goal.problem(look.view);
      if (problem !== null) throw new CommandError(`${problem}; nothing was done`);
    }
  }

  #ask({ view, answers }: Look): void {
    const { changes } = this.#goal;
    const problem = objection(view, changes, answers);
    if (problem !== null) throw new CommandError(`${problem}; nothing was done`);
    const attempt: Attempt = { expectedIndex: view.index, controller: new AbortController(), answer: null };
    this.#attempt = attempt;
    void this.#carryOut(attempt, view);
  }

  async #carryOut(attempt: Attempt, view: MembersView): Promise<void> {
    attempt.answer = await this.#options.admin.change(view, this.#goal.changes, attempt.controller.signal);
  }

  /** Makes room for another attempt once this one is answered; whether there has to be one, the next look says. */
  #settleAttempt(): void {
    const { answer, expectedIndex } = this.#attempt ?? { answer: null, expectedIndex: 0 };
    if (answer === null) return;
    this.#attempt = null;
    switch (answer.type) {
      case "done":
        return;
      case "unknown":
        this.#mayBeDone = true;
        this.#lastReason = answer.text;
        return;
      case "refused":
        this.#lastReason = answer.text;
        if (answer.reason === "later") this.#sayOnce("another change is under way; waiting for its end");
        // It was meant for a configuration that may have been replaced before the request came; if not, there is no more to say.
        if (answer.reason === "impossible" && this.#look?.view.index === expectedIndex) {
          throw new CommandError(`the cluster refused: ${answer.text}`);
        }
    }
  }

  #givingUp(): CommandError {
    if (this.#wasCommitted) {
      const what = this.#catchingUp === null ? "the cluster does not get on" : describe(this.#catchingUp);
      const advice =
        "the change is made and goes on by itself; eraft member list shows it, eraft member remove undoes it";
      return new CommandError(`not done yet: ${what}; ${advice}`, ExitCode.outcomeUnknown);
    }
    if (this.#hasAsked || this.#stage === "underWay") {
      return new CommandError(
        `no answer from the cluster, it may have been done or may still be: ${this.#lastReason}; eraft member list tells`,
        ExitCode.outcomeUnknown,
      );
    }
    return new CommandError(`nothing was done: ${this.#lastReason}`);
  }

  #sayOnce(line: string): void {
    if (line === this.#lastSaid) return;
    this.#lastSaid = line;
    this.#options.say(line);
  }
}
