import { type Exit, NodeProcess } from "./node-process.ts";

/** Between the end of a node and its next start: long enough to see the others go on without it. */
const RESTART_AFTER_MS = 1000;
/** A node that ends this often without ever having served has a reason that a restart does not cure. */
const MAX_FAILED_STARTS = 3;

export interface SupervisorEvents {
  /** The node can serve. `isRestart` unless it is the first time. */
  readonly onUp: (id: number, pid: number, isRestart: boolean) => void;
  readonly onDown: (id: number, exit: Exit, restartAfterMs: number) => void;
  /** A line on the stderr of the node. */
  readonly onLine: (id: number, line: string) => void;
  /** The node does not start; it is not tried again. `reason` is its last line. */
  readonly onGivenUp: (id: number, reason: string) => void;
}

/** Keeps one node running: starts it again when it ends. */
export class Supervisor {
  readonly id: number;
  readonly #command: readonly string[];
  readonly #events: SupervisorEvents;
  #process: NodeProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #lastLine = "";
  #failedStarts = 0;
  #runs = 0;
  #isStopping = false;

  constructor(id: number, command: readonly string[], events: SupervisorEvents) {
    this.id = id;
    this.#command = command;
    this.#events = events;
  }

  /** The process that runs the node now; null between two. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  start(): void {
    this.#runs += 1;
    const isRestart = this.#runs > 1;
    this.#process = new NodeProcess(this.#command, {
      onListening: (pid) => {
        this.#failedStarts = 0;
        this.#events.onUp(this.id, pid, isRestart);
      },
      onLine: (line) => {
        this.#lastLine = line;
        this.#events.onLine(this.id, line);
      },
      onExit: (exit) => this.#ended(exit),
    });
  }

  /** Resolves once the node has stopped. It is not started again. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#process?.stop();
  }

  #ended(exit: Exit): void {
    this.#process = null;
    if (this.#isStopping) return;
    this.#failedStarts += exit.hasServed ? 0 : 1;
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#events.onGivenUp(this.id, this.#lastLine);
      return;
    }
    this.#timer = setTimeout(() => this.start(), RESTART_AFTER_MS);
    this.#events.onDown(this.id, exit, RESTART_AFTER_MS);
  }
}
