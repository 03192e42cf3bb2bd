import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What users start. */
export const SCRIPT: string = fileURLToPath(new URL("../../bin/eraft.js", import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: ChildProcess["signalCode"];
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  /** Arguments for Node itself, before the script. */
  readonly nodeArgs?: readonly string[];
  readonly cwd?: string;
  /** Another copy of the script. */
  readonly script?: string;
}

/**
 * A running `eraft`. It cannot outlive the process that started it, however that ends, because it is given the lifeline that
 * `eraft demo` gives its nodes.
 */
export class EraftProcess {
  readonly pid: number;
  /** Resolves once it has ended and all of its output is here. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #hasExited = false;

  constructor(args: readonly string[], options: SpawnOptions = {}) {
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), options.script ?? SCRIPT, ...args], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, ERAFT_LIFELINE_FD: "3" },
      cwd: options.cwd,
    });
    if (child.pid === undefined) throw new Error(`cannot start ${process.execPath}`);
    this.#child = child;
    this.pid = child.pid;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#took(() => (this.#stdout += text)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#took(() => (this.#stderr += text)));
    const { promise, resolve } = Promise.withResolvers<Exit>();
    this.exited = promise;
    child.once("close", (code, signal) => {
      this.#took(() => (this.#hasExited = true));
      resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Resolves with what `pattern` matched on stdout, or rejects once the process has ended without it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(this.#stdout);
      if (match !== null) resolve(match);
      else if (this.#hasExited)
        reject(new Error(`ended without ${pattern}:\n${this.#stdout}${this.#stderr}`));
    };
    this.#watchers.add(look);
    look();
    try {
      return await promise;
    } finally {
      this.#watchers.delete(look);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends `signal` and resolves once the process is gone. */
  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Exit> {
    this.signal(signal);
    return this.exited;
  }

  #took(change: () => void): void {
    change();
    for (const look of this.#watchers) look();
  }
}

/** Runs a command to its end. */
export function runEraft(args: readonly string[], options: SpawnOptions = {}): Promise<Exit> {
  return new EraftProcess(args, options).exited;
}
