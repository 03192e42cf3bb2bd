// One server in its thread: a list of words.
import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { RaftNode } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { parentPort, workerData } from "node:worker_threads";
import { PortTransport } from "./port-transport.ts";

class Words implements StateMachine<"all", number, readonly string[]> {
  #words: string[] = [];

  async open(): Promise<LogIndex> {
    return 0;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<number[]> {
    return commands.map(({ command }) => this.#words.push(new TextDecoder().decode(command)));
  }

  async query(): Promise<readonly string[]> {
    return [...this.#words];
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const view = new TextEncoder().encode(JSON.stringify(this.#words));
    return (async function* () {
      yield view;
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let json = "";
    const decoder = new TextDecoder();
    for await (const chunk of chunks) json += decoder.decode(chunk, { stream: true });
    this.#words = JSON.parse(json);
  }
}

const { id, ids } = workerData as { readonly id: number; readonly ids: readonly number[] };
const node = new RaftNode({
  id,
  // Ports need no addresses.
  peers: new Map(ids.map((id) => [id, ""])),
  storage: new MemoryStorage(),
  transport: new PortTransport(id, (port) => parentPort?.postMessage({ type: "port", port }, [port])),
  stateMachine: new Words(),
  codec: { encode: (word: string) => new TextEncoder().encode(word) },
  logger: { info() {}, warn() {}, error: console.error },
});
node.on("role", ({ role }) => parentPort?.postMessage({ type: "role", role }));
parentPort?.on("message", ({ add }: { readonly add: string }) => void answer(add));
await node.start();

async function answer(word: string): Promise<void> {
  await node.propose(word);
  parentPort?.postMessage({ type: "words", words: await node.read("all") });
}
