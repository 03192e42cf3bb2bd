import { type WriteStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { clusterStatus, leaderOf } from "../client/cluster-status.ts";
import { withClientOf } from "../client/with-client.ts";
import type { Address } from "../cluster.ts";
import { CommandError } from "../errors.ts";
import { condense } from "./condense.ts";
import type { Exit } from "./node-process.ts";
import { Supervisor } from "./supervisor.ts";

/** Between two questions whether there is a leader. */
const POLL_MS = 100;

export interface DemoOptions {
  /** The script that this Node is to run as `SCRIPT serve ...`. */
  readonly script: string;
  readonly cluster: readonly Address[];
  /** For the logs. */
  readonly dataDir: string;
  /** One for each node. */
  readonly nodeDirs: readonly string[];
  /** Prints what happens, a line at a time. */
  readonly say: (line: string) => void;
}

/** A cluster of processes that come back when they are killed. */
export class Demo {
  /** Rejects when a node cannot be started. */
  readonly failed: Promise<never>;
  readonly #options: DemoOptions;
  readonly #supervisors: readonly Supervisor[];
  readonly #logs: readonly WriteStream[];
  #isStopping = false;

  constructor(options: DemoOptions) {
    const { script, cluster, dataDir, nodeDirs } = options;
    const { promise, reject } = Promise.withResolvers<never>();
    // Nobody need be listening when it happens.
    promise.catch(() => {});
    this.failed = promise;
    this.#options = options;
    this.#logs = nodeDirs.map((_, id) => createWriteStream(join(dataDir, `node-${id}.log`), { flags: "a" }));
    const list = cluster.map(({ text }) => text).join(",");
    this.#supervisors = nodeDirs.map((dir, id) => {
      const command = [
        script,
        "serve",
        "--id",
        String(id),
        "--cluster",
        list,
        "--readdress",
        `--data-dir=${dir}`,
      ];
      return new Supervisor(id, command, {
        onUp: (id, pid, isRestart) => this.#say(id, `${isRestart ? "is back" : "is up"}, pid ${pid}`),
        onDown: (id, exit, ms) => this.#say(id, `${describeExit(exit)}; starting it again in ${ms / 1000} s`),
        onLine: (id, line) => this.#log(id, line),
        onGivenUp: (id, reason) => {
          reject(new CommandError(`node ${id} does not start: ${reason.replace(/^eraft: /, "")}`));
        },
      });
    });
  }

  start(): void {
    for (const supervisor of this.#supervisors) supervisor.start();
  }

  /** Resolves with the leader once there is one. */
  async leader(signal: AbortSignal): Promise<{ readonly id: number; readonly pid: number }> {
    const { cluster } = this.#options;
    return withClientOf(cluster, 10_000, async (connections) => {
      for (;;) {
        signal.throwIfAborted();
        const leader = leaderOf(await clusterStatus(connections));
        const pid = leader === null ? null : (this.#supervisors[leader.id]?.pid ?? null);
        if (leader !== null && pid !== null) return { id: leader.id, pid };
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    });
  }

  /** Resolves once every node has stopped. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.stop()));
    for (const log of this.#logs) log.end();
  }

  #log(id: number, line: string): void {
    this.#logs[id]?.write(`${line}\n`);
    if (this.#isStopping) return;
    const words = condense(line, this.#supervisors[id]?.pid ?? null);
    if (words !== null) this.#say(id, words);
  }

  #say(id: number, words: string): void {
    const time = new Date().toTimeString().slice(0, 8);
    this.#options.say(`${time}  node ${id}  ${words}\n`);
  }
}

function describeExit({ pid, code, signal }: Exit): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}, pid ${pid}`;
}
