// pnpm packages:pack [DIR]: all packages as tarballs, in packed/ or DIR.
import { resolve } from "node:path";
import { packAll } from "./pack.ts";

const [destination = "packed"] = process.argv.slice(2);
const packed = packAll(resolve(destination));
console.log(`${packed.length} packages in ${destination}`);
