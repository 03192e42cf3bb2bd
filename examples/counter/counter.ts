// Three servers count together. The one that leads is stopped, and the others count on.
import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { RaftNode } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { MemoryNetwork } from "@eraft/transport-memory";

/** What is replicated: a number. A command is a number as text, and is added to it. */
class Counter implements StateMachine<"count", number> {
  #count = 0;

  /** Nothing of it is on a disk of its own: the log brings it back. */
  async open(): Promise<LogIndex> {
    return 0;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<number[]> {
    return commands.map(({ command }) => (this.#count += numberFrom(command)));
  }

  async query(): Promise<number> {
    return this.#count;
  }

  /** The view is fixed now, and read later: meanwhile the counter goes on. */
  snapshot(): AsyncIterable<Uint8Array> {
    const view = bytesOf(this.#count);
    return (async function* () {
      yield view;
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes: number[] = [];
    for await (const chunk of chunks) bytes.push(...chunk);
    this.#count = numberFrom(Uint8Array.from(bytes));
  }
}

function bytesOf(count: number): Uint8Array {
  return new TextEncoder().encode(String(count));
}

/** Every server has to make the same of every command, also of one that is no number. */
function numberFrom(bytes: Uint8Array): number {
  const number = Number(new TextDecoder().decode(bytes));
  return Number.isSafeInteger(number) ? number : 0;
}

type Server = RaftNode<number, "count", number>;

const network = new MemoryNetwork();
const peers = new Map([0, 1, 2].map((id) => [id, `server ${id}`]));
const servers: Server[] = [0, 1, 2].map(
  (id) =>
    new RaftNode({
      id,
      peers,
      storage: new MemoryStorage(),
      transport: network.transport(id),
      stateMachine: new Counter(),
      codec: { encode: bytesOf },
    }),
);
await Promise.all(servers.map((server) => server.start()));

const first = await leaderOf(servers);
for (const number of [1, 2, 39]) console.log(`${number} more: ${await first.propose(number)}`);

console.log("the leader stops");
await first.stop();
const others = servers.filter((server) => server !== first);
const second = await leaderOf(others, first.id);
console.log(`58 more: ${await second.propose(58)}`);
for (const server of others) console.log(`a server says ${await server.read("count")}`);
await Promise.all(others.map((server) => server.stop()));

/** The server that leads, as soon as one of them has heard of it; another one than the one that does not any more. */
async function leaderOf([any]: readonly Server[], except: number | null = null): Promise<Server> {
  const hint = await any?.waitForLeader({ except });
  const leader = servers.find(({ id }) => id === hint?.leaderId);
  if (leader === undefined) throw new Error("one of the three leads");
  return leader;
}
