// Three servers in three threads. The thread of the leader is ended, as a crash would end it, and the others go on.
import { Worker } from "node:worker_threads";
import { Switchboard } from "./switchboard.ts";

const IDS = [0, 1, 2];
const switchboard = new Switchboard();
const threads = new Set<Worker>();
let elected = Promise.withResolvers<Worker>();

for (const id of IDS) {
  const thread = new Worker(new URL("./server.ts", import.meta.url), { workerData: { id, ids: IDS } });
  threads.add(thread);
  thread.on("message", (message) => {
    if (message.type === "port") switchboard.plugIn(id, message.port);
    if (message.type === "role" && message.role === "leader") elected.resolve(thread);
    if (message.type === "words") console.log(`${message.words.join(", ")}`);
  });
}

/** Resolves once the words are printed. */
async function add(leader: Worker, word: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = ({ type }: { readonly type: string }): void => {
    if (type === "words") resolve();
  };
  leader.on("message", listener);
  leader.postMessage({ add: word });
  await promise;
  leader.off("message", listener);
}

const first = await elected.promise;
await add(first, "salt");
await add(first, "pepper");

elected = Promise.withResolvers();
await first.terminate();
threads.delete(first);
console.log("the leader's thread has ended");

await add(await elected.promise, "nutmeg");
await Promise.all([...threads].map((thread) => thread.terminate()));
switchboard.close();
