import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { withTimeLimit } from "../../src/time-limit.ts";
import { HANGS_AFTER_MS } from "../support/hangs.ts";
import type { Inspection } from "./target.ts";

/** The process of target.ts. */
export class TargetProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #death: Promise<never>;

  private constructor(child: ChildProcess, port: number, death: Promise<never>) {
    this.#child = child;
    this.port = port;
    this.#death = death;
  }

  /** Resolves once the node serves. */
  static async start(): Promise<TargetProcess> {
    const child = fork(new URL("target.ts", import.meta.url), {
      execArgv: ["-C", "@eraft/source", "--expose-gc"],
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on("data", (text: Buffer) => (errors += text.toString()));
    const death = once(child, "exit").then(([code, signal]) => {
      throw new Error(`the node is dead (${String(code ?? signal)}): ${errors}`);
    });
    // Heard by whoever waits for the node; when nobody does, it may die.
    death.catch(() => {});
    const late = (): Error => new Error(`the node does not serve: ${errors}`);
    try {
      const message = Promise.race([once(child, "message"), death]);
      const [{ port }] = (await withTimeLimit(message, HANGS_AFTER_MS, late)) as [{ port: number }];
      return new TargetProcess(child, port, death);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Rejects with what the node wrote last if it is dead, and also if it does not come to answering at all. */
  async inspect(): Promise<Inspection> {
    const answer = Promise.race([once(this.#child, "message"), this.#death]);
    this.#child.send("inspect");
    const [inspection] = (await withTimeLimit(answer, HANGS_AFTER_MS, stuck)) as [Inspection];
    return inspection;
  }

  /** Resolves once the process is gone, whatever it is at. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#death.catch(() => {});
  }
}

function stuck(): Error {
  return new Error("the node does not say how it is: something keeps its thread");
}
