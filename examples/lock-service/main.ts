// A holder that stands still for too long, and what a fencing token is good for.
import { RaftNode } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { MemoryNetwork } from "@eraft/transport-memory";
import { commands, lockMachine } from "./lock-machine.ts";
import { type LockNode, LockService } from "./lock-service.ts";

/** What the lock protects. It cannot know who holds the lock, but it can know who held it later. */
class Shelf {
  #highestToken = 0;

  put(what: string, token: number): void {
    if (token < this.#highestToken) {
      console.log(`shelf: ${what} refused, token ${token} is older than ${this.#highestToken}`);
      return;
    }
    this.#highestToken = token;
    console.log(`shelf: ${what} taken, with token ${token}`);
  }
}

const network = new MemoryNetwork();
const peers = new Map([0, 1, 2].map((id) => [id, `server ${id}`]));
const nodes: LockNode[] = [0, 1, 2].map(
  (id) =>
    new RaftNode({
      id,
      peers,
      storage: new MemoryStorage(),
      transport: network.transport(id),
      stateMachine: lockMachine(),
      codec: commands,
    }),
);
// Time for the story: it passes when the story says so.
let nowMs = 0;
const services = nodes.map((node) => new LockService(node, () => nowMs));
await Promise.all(nodes.map((node) => node.start()));
const { leaderId } = await Promise.race(nodes.map((node) => node.waitForLeader()));
const locks = services[leaderId];
if (locks === undefined) throw new Error("one of the three leads");

const shelf = new Shelf();
const anna = await locks.openSession(10_000);
const ben = await locks.openSession(10_000);
const annasToken = (await locks.acquire(anna, "shelf")) ?? 0;
console.log("anna has the lock");
console.log(`ben ${(await locks.acquire(ben, "shelf")) === null ? "has to wait" : "has it too"}`);

nowMs += 8000;
await locks.keepAlive(ben);
nowMs += 8000; // anna's process stands still, and does not know that 16 seconds have passed
await locks.tick();
const bensToken = (await locks.acquire(ben, "shelf")) ?? 0;
console.log("ben has the lock: anna's session has expired");
shelf.put("ben's book", bensToken);
shelf.put("anna's book", annasToken);
await locks.keepAlive(anna).catch((error: unknown) => console.log(`anna: ${String(error)}`));

await Promise.all(nodes.map((node) => node.stop()));
