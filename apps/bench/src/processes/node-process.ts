import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FromNode, ToNode } from "./messages.ts";

type Of<T extends FromNode["type"]> = Extract<FromNode, { type: T }>;

/** A process of `embedded-node.ts`, and what it has said. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #heard: FromNode[] = [];
  readonly #gone: Promise<void>;
  #hasGone = false;
  #wake = Promise.withResolvers<void>();

  constructor() {
    // As this file itself: built, or from its sources.
    const extension = extname(import.meta.url);
    const script = fileURLToPath(new URL(`embedded-node${extension}`, import.meta.url));
    const profile = process.env["ERAFT_BENCH_NODE_OPTIONS"]?.split(" ") ?? [];
    const execArgv = extension === ".ts" ? ["-C", "@eraft/source", ...profile] : profile;
    this.#child = fork(script, [], { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (message: FromNode) => {
      this.#heard.push(message);
      this.#signal();
    });
    this.#gone = new Promise((resolve) => {
      this.#child.once("exit", () => {
        this.#hasGone = true;
        this.#signal();
        resolve();
      });
    });
  }

  tell(message: ToNode): void {
    this.#child.send(message);
  }

  /** Takes the first message of that type, as soon as there is one. Rejects when the node has failed. */
  async next<T extends FromNode["type"]>(type: T): Promise<Of<T>> {
    for (;;) {
      for (const [at, message] of this.#heard.entries()) {
        if (message.type === "failed") throw new Error(`an embedded node has failed: ${message.message}`);
        if (message.type !== type) continue;
        this.#heard.splice(at, 1);
        return message as Of<T>;
      }
      if (this.#hasGone) throw new Error("an embedded node has ended by itself");
      await this.#wake.promise;
    }
  }

  async ask<T extends FromNode["type"]>(message: ToNode, type: T): Promise<Of<T>> {
    this.tell(message);
    return this.next(type);
  }

  /** Resolves once it is gone. */
  async stop(): Promise<void> {
    if (!this.#hasGone) this.#child.disconnect();
    await this.#gone;
  }

  #signal(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
