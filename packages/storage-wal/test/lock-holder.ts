// A process of its own for lock.test.ts: opens the directory, writes a vote, and stays until it is killed.
import { WalStorage } from "../src/index.ts";

const storage = new WalStorage({ dir: process.argv[2] ?? "" });
await storage.open();
await storage.write({ hardState: { term: 4, votedFor: 2 }, truncateFrom: null, entries: [] });
console.log("open");
setInterval(() => {}, 1_000_000);
