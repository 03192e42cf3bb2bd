import type { MitScenario } from "../mit-scenario.ts";
import { GENERIC_3A, GENERIC_3B } from "./generic.ts";
import { SCRIPTED_3A, SCRIPTED_3B } from "./scripted.ts";

/** The 23 tests of the key-value lab. */
export const KV_SCENARIOS: readonly MitScenario[] = [
  ...SCRIPTED_3A,
  ...GENERIC_3A,
  ...SCRIPTED_3B,
  ...GENERIC_3B,
];
