import { expect, test } from "vitest";
import {
  assertLinearizable,
  checkAppends,
  checkCommitOrder,
  checkLinearizable,
  type CheckReport,
  kvModel,
  NotLinearizableError,
} from "../src/index.ts";
import { at } from "./at.ts";
import { generate, type Workload } from "./generate.ts";

const base: Workload = { seed: 1, operations: 10_000, clients: 5, keys: 1, gets: 50, appends: 20, lost: 0 };

function blockedIndex(report: CheckReport<unknown, unknown, unknown>): number | null {
  const { blocked, intervals } = at(report.partitions, 0);
  return blocked === null ? null : at(intervals, blocked).index;
}

test("100,000 operations of 5 clients on one key are decided, and so is one wrong answer among them", () => {
  const { history, log } = generate({ ...base, operations: 100_000 });
  expect(checkLinearizable(kvModel, history).verdict).toBe("linearizable");
  expect(checkCommitOrder(kvModel, log, history).verdict).toBe("linearizable");

  const position = history.findLastIndex(({ input }) => input.type === "get");
  const get = at(history, position);
  history[position] = { ...get, outcome: "ok", return: get.call + 1, output: "0;" };
  const report = checkLinearizable(kvModel, history);
  expect(report.verdict).toBe("illegal");
  expect(blockedIndex(report)).toBe(position);
});

test("lost operations by the hundred are no obstacle if few of them were ever seen", () => {
  const { history, log } = generate({ ...base, lost: 60 });
  const { decided, verdict } = checkCommitOrder(kvModel, log, history);
  expect(verdict).toBe("linearizable");
  expect(decided.size).toBeGreaterThan(100);
  expect([...decided.values()].filter((index) => index === null).length).toBeGreaterThan(50);
  expect(checkLinearizable(kvModel, history).verdict).toBe("linearizable");
});

test("20 clients on one key exhaust the limits, which is neither a hang nor a pass", () => {
  const { history } = generate({ ...base, clients: 20 });
  const report = checkLinearizable(kvModel, history, { limits: { maxConfigurations: 100_000 } });
  expect(report.verdict).toBe("unknown");
  expect(at(report.partitions, 0).configurations).toBe(100_000);
  expect(() => assertLinearizable(report)).toThrow(NotLinearizableError);
});

test("the number of steps is a limit too, and the same history always stops at the same place", () => {
  const { history } = generate({ ...base, clients: 20 });
  const check = () => checkLinearizable(kvModel, history, { limits: { maxSteps: 50_000 } });
  const report = check();
  expect(report.verdict).toBe("unknown");
  expect(at(report.partitions, 0).steps).toBeLessThan(51_000);
  expect(check()).toEqual(report);
});

test("a hard key takes nothing from an easy one that is wrong", () => {
  const { history } = generate({ ...base, clients: 20 });
  const get = {
    client: 9_999,
    call: 1,
    return: 2,
    input: { type: "get", key: "other" },
    outcome: "ok",
  } as const;
  const report = checkLinearizable(kvModel, [...history, { ...get, output: "never" }], {
    limits: { maxConfigurations: 10_000 },
  });
  expect(report.verdict).toBe("illegal");
  expect(report.partitions.map(({ verdict }) => verdict)).toEqual(["unknown", "illegal"]);
});

test("the list-append check takes 200,000 operations of 50 clients, where a search has no chance", () => {
  const workload = {
    ...base,
    operations: 200_000,
    clients: 50,
    keys: 1_000,
    gets: 30,
    appends: 70,
    lost: 10,
  };
  const { history, log } = generate(workload);
  expect(checkAppends(history).verdict).toBe("linearizable");
  expect(checkCommitOrder(kvModel, log, history).verdict).toBe("linearizable");

  const lost = history.findIndex(({ input, outcome }) => input.type === "append" && outcome === "ok");
  const { key, value } = at(history, lost).input as { key: string; value: string };
  const without = history.map((operation) => {
    if (operation.outcome !== "ok" || operation.input.type !== "get" || operation.input.key !== key)
      return operation;
    return { ...operation, output: operation.output?.replace(value, "") ?? null };
  });
  const { problems } = checkAppends(without);
  expect(problems.length).toBeGreaterThan(0);
  expect(new Set(problems.map((problem) => `${problem.type} ${problem.other}`))).toEqual(
    new Set([`lost ${lost}`]),
  );
});
