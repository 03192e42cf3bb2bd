import type { MitScenario } from "../mit-scenario.ts";
import { AGREEMENT } from "./agreement.ts";
import { CHURN } from "./churn.ts";
import { ELECTIONS } from "./elections.ts";
import { PERSISTENCE } from "./persistence.ts";
import { SNAPSHOTS } from "./snapshots.ts";

/** The 24 tests of the Raft lab. */
export const RAFT_SCENARIOS: readonly MitScenario[] = [
  ...ELECTIONS,
  ...AGREEMENT,
  ...PERSISTENCE,
  ...CHURN,
  ...SNAPSHOTS,
];
