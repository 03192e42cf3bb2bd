// One server in its thread: a list of words.
import { RaftNode, defineStateMachine, json } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { parentPort, workerData } from "node:worker_threads";
import { PortTransport } from "./port-transport.ts";

let words: readonly string[] = [];
/** The check is for what is in the log: every server has to make the same of it. */
const commands = json((value) => {
  if (typeof value === "string") return value;
  throw new TypeError("a word is a string");
});
const stateMachine = defineStateMachine<string, "all", number, readonly string[], readonly string[]>({
  commands,
  apply: (word) => (words = [...words, word]).length,
  malformed: () => words.length,
  query: () => words,
  save: () => words,
  load: (saved) => (words = saved),
});

const { id, ids } = workerData as { readonly id: number; readonly ids: readonly number[] };
const node = new RaftNode({
  id,
  // Ports need no addresses.
  peers: new Map(ids.map((id) => [id, ""])),
  storage: new MemoryStorage(),
  transport: new PortTransport(id, (port) => parentPort?.postMessage({ type: "port", port }, [port])),
  stateMachine,
  codec: commands,
  logger: { info() {}, warn() {}, error: console.error },
});
node.on("role", ({ role }) => parentPort?.postMessage({ type: "role", role }));
parentPort?.on("message", ({ add }: { readonly add: string }) => void answer(add));
await node.start();

async function answer(word: string): Promise<void> {
  await node.propose(word);
  parentPort?.postMessage({ type: "words", words: await node.read("all") });
}
