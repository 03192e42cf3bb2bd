export { Agreement, type AgreementOptions } from "./agreement.ts";
export type { NetworkKind } from "./lab-network.ts";
export { ELECTION_MS, Scenario, type ScenarioOptions, type Started } from "./scenario.ts";
export { type KvraftClient, KvScenario, type KvScenarioOptions } from "./kv-scenario.ts";
