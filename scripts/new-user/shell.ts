import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";

/** Takes a line of the transcript. */
export type Say = (line: string) => void;

/** A folder in which commands are typed, with the Node that runs this first on the PATH, and as if by somebody who never has used npm. */
export class Shell {
  readonly dir: string;
  readonly #say: Say;
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcess>();

  constructor(dir: string, say: Say) {
    this.dir = dir;
    this.#say = say;
    this.#env = {
      PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
      HOME: process.env["HOME"],
      // Whoever packs and starts this may be run by pnpm; what is typed here is not.
      ...inherited("npm_config_registry", "npm_config_cache", "NODE_EXTRA_CA_CERTS"),
      NO_UPDATE_NOTIFIER: "1",
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_prefer_offline: "true",
    };
  }

  /** Runs a command to its end. Rejects with its output unless it exits with 0. */
  async type(command: string, show: "output" | "silent" = "silent"): Promise<void> {
    this.#say(`$ ${command}`);
    const child = spawn(command, { shell: true, cwd: this.dir, env: this.#env, stdio: "pipe" });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once("error", reject).once("close", resolve);
    if ((await promise) !== 0) throw new Error(`${command} failed:\n${output}`);
    const lines = output.split("\n").filter((line) => line.trim() !== "");
    if (show === "output") for (const line of lines) this.#say(line);
  }

  /** Starts a command that goes on, such as `node server.js 0`. Resolves with it once it has printed a line. */
  async start(command: string): Promise<ChildProcess> {
    this.#say(`$ ${command} &`);
    const [program = "", ...args] = command.split(" ");
    const child = spawn(program, args, {
      cwd: this.dir,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    child.stdout.setEncoding("utf8").once("data", resolve);
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${command} has ended:\n${errors}`)));
    this.#say((await promise).trim());
    return child;
  }

  /** `kill -9`. Resolves once it is gone. */
  async kill(child: ChildProcess): Promise<void> {
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.kill(child)));
  }
}

function inherited(...names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    names.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])),
  );
}
