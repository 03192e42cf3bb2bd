import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
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
    const [{ port }] = (await Promise.race([once(child, "message"), death])) as [{ port: number }];
    return new TargetProcess(child, port, death);
  }

  /** Rejects with what the node wrote last if it is dead. */
  async inspect(): Promise<Inspection> {
    const answer = once(this.#child, "message");
    this.#child.send("inspect");
    const [inspection] = (await Promise.race([answer, this.#death])) as [Inspection];
    return inspection;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await this.#death.catch(() => {});
  }
}
