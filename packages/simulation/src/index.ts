export type { Action, MessageId } from "./actions.ts";
export { drawPlan, type Plan } from "./plan.ts";
export { minimise } from "./minimise.ts";
export { replay } from "./replay.ts";
export { run, type RunOptions } from "./run.ts";
export { type RunResult, Simulation } from "./simulation.ts";
export { Violation } from "./violation.ts";
