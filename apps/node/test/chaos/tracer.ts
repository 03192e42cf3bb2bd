import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { withTimeLimit } from "../../src/time-limit.ts";
import { eventually } from "../support/eventually.ts";
import { HANGS_AFTER_MS } from "../support/hangs.ts";

/**
 * strace at a running process, making its system calls fail, wait or kill. It lets go when it is told to, and when either process ends:
 * this one's end takes the nodes along, and theirs the tracer.
 */
export class Tracer {
  readonly #strace: ChildProcess;
  readonly #closed: Promise<void>;
  #injected = 0;

  private constructor(strace: ChildProcess, closed: Promise<void>) {
    this.#strace = strace;
    this.#closed = closed;
    let rest = "";
    strace.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#injected += lines.filter((line) =>
        /\((?:INJECTED|DELAYED)\)|killed by SIGKILL/.test(line),
      ).length;
    });
  }

  /** Resolves once every thread of `pid` is traced. `calls` is a list of system calls, `what` the rest of strace's `inject`. */
  static async attach(pid: number, calls: string, what: string): Promise<Tracer> {
    const inject = `inject=${calls}:${what}`;
    const args = ["-f", "-p", String(pid), "-e", `trace=${calls}`, "-e", inject];
    const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
    const { promise: attached, resolve, reject } = Promise.withResolvers<void>();
    let said = "";
    strace.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (/attached/.test(said)) resolve();
    });
    const closed = new Promise<void>((resolve) => {
      strace.once("close", () => {
        reject(new Error(said.trim() || "strace ended at once"));
        resolve();
      });
    });
    strace.once("error", reject);
    const tracer = new Tracer(strace, closed);
    try {
      await withTimeLimit(
        attached,
        HANGS_AFTER_MS,
        () => new Error(`strace does not attach: ${said.trim()}`),
      );
    } catch (error) {
      strace.kill("SIGKILL");
      throw error;
    }
    return tracer;
  }

  /** System calls that were tampered with so far. */
  get injected(): number {
    return this.#injected;
  }

  /** Resolves with `true` once a call was tampered with, with `false` if that takes too long. */
  async didInject(limitMs: number): Promise<boolean> {
    try {
      await eventually(() => {
        if (this.#injected === 0) throw new Error("nothing injected");
      }, limitMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Resolves once the process runs untraced, or is gone. */
  async detach(): Promise<void> {
    this.#strace.kill("SIGTERM");
    const late = (): Error => new Error(`strace (process ${this.#strace.pid}) does not let go`);
    await withTimeLimit(this.#closed, HANGS_AFTER_MS, late);
  }
}

/** Why strace cannot be used here, null if it can: tried on a process of our own, since its mere presence says little. */
export async function whyNoTracer(): Promise<string | null> {
  const subject = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
  const gone = once(subject, "exit");
  try {
    const tracer = await Tracer.attach(subject.pid ?? 0, "fdatasync", "error=EIO");
    await tracer.detach();
    return null;
  } catch (error) {
    return `strace: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    subject.kill("SIGKILL");
    await gone;
  }
}
