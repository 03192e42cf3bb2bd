import { expect, test } from "vitest";
import { membersRun } from "./members-run/members-run.ts";

// With the product's timers, up to five nodes and 32 clients: pnpm members-run
test("a cluster grows, has all its nodes replaced and shrinks to one, and no operation fails", async () => {
  const { steps, load, problems } = await membersRun({
    clients: 8,
    maxThinkMs: 10,
    sizes: [2, 3],
    flags: ["--heartbeat-ms", "50", "--election-timeout-ms", "400", "--snapshot-bytes", "20000"],
    say: () => {},
  });
  expect(problems).toEqual([]);
  expect(load).toMatchObject({ verdict: "linearizable", unanswered: 0 });
  expect(steps.map(({ voters }) => voters)).toEqual([
    [0, 1],
    [0, 1, 2],
    [1, 2, 3],
    [2, 3, 4],
    [3, 4, 5],
    expect.any(Array),
    expect.any(Array),
  ]);
  expect(steps.at(-1)?.voters).toHaveLength(1);
}, 180_000);
