// A process of its own for identity-lifetime.test.ts: takes the directory by its identity alone, and stays until it is killed.
import { openIdentity } from "../src/index.ts";

const identity = await openIdentity(process.argv[2] ?? "");
await identity.adoptCluster("one");
console.log(identity.incarnation);
setInterval(() => {}, 1_000_000);
