import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { withTimeLimit } from "../../src/time-limit.ts";
import { HANGS_AFTER_MS } from "../support/hangs.ts";

/** Waits for the end of its standard input, which comes however the process at the other end of that pipe ends. */
const SCRIPT = `trap '' INT TERM HUP; eval "$1" || exit 1; echo done; cat > /dev/null; eval "$2"`;

/**
 * Something was done to this machine that has to be undone: a file system mounted, a process stopped. A shell that waits for our end undoes it
 * even if we are killed.
 */
export class Keeper {
  readonly #shell: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #undo: string;

  private constructor(shell: ChildProcess, closed: Promise<unknown>, undo: string) {
    this.#shell = shell;
    this.#closed = closed;
    this.#undo = undo;
  }

  /**
   * Runs the shell command `act`, in which `"$A"`, `"$B"`, ... are the arguments; resolves once it is done, and rejects with what it said if
   * it fails. `undo` runs on `release`, or when this process is gone.
   */
  static async hold(act: string, undo: string, ...args: readonly string[]): Promise<Keeper> {
    const names = args.map((value, at) => [String.fromCodePoint(65 + at), value] as const);
    const shell = spawn("sh", ["-c", SCRIPT, "keeper", act, undo], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...Object.fromEntries(names) },
      // Ctrl-C at a terminal is for us; it is our end that tells the shell.
      detached: true,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const closed = new Promise<void>((resolve) => {
      shell.once("close", () => resolve());
    });
    shell.once("error", reject);
    shell.stdin.on("error", () => {});
    shell.stdout.once("data", () => resolve());
    const complaints = text(shell.stderr);
    void closed.then(async () => reject(new Error((await complaints).trim().split("\n").at(-1) ?? act)));
    try {
      await withTimeLimit(promise, HANGS_AFTER_MS, () => new Error(`"${act}" hangs`));
    } catch (error) {
      // It may be at it still. Without the other end of its pipe it undoes what it has done.
      shell.stdin.end();
      throw error;
    }
    return new Keeper(shell, closed, undo);
  }

  /** Resolves once it is undone, and the shell is gone. */
  async release(): Promise<void> {
    this.#shell.stdin?.end();
    await withTimeLimit(this.#closed, HANGS_AFTER_MS, () => new Error(`"${this.#undo}" hangs`));
  }
}
