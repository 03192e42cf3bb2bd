import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LIFELINE } from "../lifeline.ts";

/** What a supervisor hears of the process that runs a node. */
export interface NodeProcessEvents {
  /** It can serve. */
  readonly onListening: (pid: number) => void;
  /** A line on its stderr. */
  readonly onLine: (line: string) => void;
  readonly onExit: (exit: Exit) => void;
}

export interface Exit {
  readonly pid: number | null;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it had been able to serve. */
  readonly hasServed: boolean;
}

/** How long a node may take to stop before it is killed. More than it takes itself before it gives up. */
const STOP_LIMIT_MS = 7000;

/** One run of `eraft serve` in a process of its own. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #hasServed = false;

  /** `command` is a script for this very Node, with its arguments. */
  constructor(command: readonly string[], events: NodeProcessEvents) {
    const child = spawn(process.execPath, command, {
      stdio: ["ignore", "pipe", "pipe", LIFELINE.stdio],
      env: { ...process.env, ...LIFELINE.env },
      // Out of the terminal's process group: Ctrl-C is for the demo, which stops its nodes. Should they hear of it themselves, the
      // demo could find one gone before it knows why, and start it again.
      detached: true,
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    readLines(child.stdout, (line) => {
      if (!line.startsWith("listening")) return;
      this.#hasServed = true;
      events.onListening(child.pid ?? -1);
    });
    readLines(child.stderr, events.onLine);
    child.once("error", (error) => events.onLine(error.message));
    // Not "exit": the last lines, which say why, may still be on their way then.
    child.once("close", (code, signal) => {
      resolve();
      events.onExit({ pid: child.pid ?? null, code, signal, hasServed: this.#hasServed });
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Resolves once the process is gone, by force if need be. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}
