import { storageCases } from "@eraft/conformance";
import { test } from "vitest";
import { levelSite } from "./crash-level.ts";
import { damages } from "./damages.ts";

const harness = { create: () => levelSite(), supports: { kill: true, powerLoss: true }, damages };

for (const { name, run } of storageCases(harness)) test(name, () => run());
