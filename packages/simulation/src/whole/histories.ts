import {
  checkAppends,
  checkLinearizable,
  explain,
  type KvInput,
  kvModel,
  type KvOutput,
  minimise,
  type Operation,
  type RegisterInput,
  registerModel,
  type RegisterOutput,
} from "@eraft/linearizability";
import { mustHold } from "../violation.ts";

/** Four times the usual memory: a run that cannot be judged is a run for nothing. */
const LIMITS = { maxConfigurations: 4_000_000, maxSteps: 200_000_000 };

/** What clients were told has an order that explains all of it; and every text that was appended is there once. */
export function checkHistory(history: readonly Operation<KvInput, KvOutput>[]): void {
  const appends = checkAppends(history.filter(({ input }) => input.key.startsWith("log")));
  mustHold(appends.verdict === "linearizable", "Exactly Once", () =>
    appends.problems.map(({ message }) => message).join("; "),
  );
  const report = checkLinearizable(
    kvModel,
    history.filter(({ input }) => !input.key.startsWith("log")),
    { limits: LIMITS },
  );
  const bad = report.partitions.find(({ verdict }) => verdict === report.verdict);
  // An undecided history has not passed.
  mustHold(
    report.verdict !== "unknown",
    "Decided",
    () => `the search for an order of ${bad?.key} was given up`,
  );
  if (report.verdict === "linearizable" || bad === undefined) return;
  const { sentences } = explain(kvModel, minimise(kvModel, bad));
  mustHold(false, "Linearizable", () => `${bad.key}: ${sentences.join(" ")}`);
}

/** The same for the one key that is compared and swapped. */
export function checkRegister(history: readonly Operation<RegisterInput, RegisterOutput>[]): void {
  const report = checkLinearizable(registerModel, history, { limits: LIMITS });
  const [bad] = report.partitions;
  mustHold(
    report.verdict !== "unknown",
    "Decided",
    () => "the search for an order of the register was given up",
  );
  if (report.verdict === "linearizable" || bad === undefined) return;
  const { sentences } = explain(registerModel, minimise(registerModel, bad));
  mustHold(false, "Linearizable", () => `the register: ${sentences.join(" ")}`);
}
