import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { LaunchCommand } from "./system.ts";

/** How long a server may take to stop before it is killed. */
const STOP_LIMIT_MS = 10_000;
/** Linux counts the time of a process in these. */
const JIFFY_MS = 10;

/** One server in a process of its own. What it says goes to a file. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #gone: Promise<void>;
  #hasGone = false;
  #isExpected = false;

  constructor({ file, args }: LaunchCommand, logFile: string) {
    const log = openSync(logFile, "a");
    this.#logFile = logFile;
    this.#child = spawn(file, [...args], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#gone = new Promise((resolve) => {
      const end = (): void => {
        this.#hasGone = true;
        resolve();
      };
      this.#child.once("exit", end);
      this.#child.once("error", end);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Throws, with what it said last, if it ended and nobody had asked for that. */
  check(): void {
    if (!this.#hasGone || this.#isExpected) return;
    const said = this.said().trimEnd().split("\n").slice(-20).join("\n");
    throw new Error(`a server has ended by itself: ${said}`);
  }

  /** All that it, and those before it with the same file, have said. */
  said(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  /** Resolves once it is gone. */
  async kill(): Promise<void> {
    this.#isExpected = true;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  /** Resolves once it is gone, by force if need be. */
  async stop(): Promise<void> {
    this.#isExpected = true;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.#gone;
    clearTimeout(timer);
  }

  /** Bytes of memory it occupies; files that it has mapped into its memory count. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes === undefined) throw new Error("the system does not say how much memory a process has");
    return Number(kilobytes) * 1024;
  }

  /** Milliseconds of processor time it has used so far. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    // After the name, which may hold anything, come the fields from the third on; the times are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * JIFFY_MS;
  }
}
