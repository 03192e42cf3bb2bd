// pnpm new-user: does what the README says to somebody who begins a project, and prints what happens.
import { newUser } from "./projects.ts";

await newUser((line) => console.log(line));
