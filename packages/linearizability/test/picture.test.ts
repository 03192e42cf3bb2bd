import { expect, test } from "vitest";
import {
  checkLinearizable,
  explain,
  type KvInput,
  kvModel,
  type KvOutput,
  minimise,
  type Operation,
  renderPicture,
} from "../src/index.ts";
import { at } from "./at.ts";

type Kv = Operation<KvInput, KvOutput>;

const ok = (client: number, call: number, returned: number, input: KvInput, output: KvOutput = null): Kv => ({
  client,
  call,
  return: returned,
  input,
  outcome: "ok",
  output,
});
const put = (client: number, call: number, value: string) =>
  ok(client, call, call + 1, { type: "put", key: "x", value });
const get = (client: number, call: number, output: KvOutput) =>
  ok(client, call, call + 1, { type: "get", key: "x" }, output);

const report = (history: readonly Kv[]) => at(checkLinearizable(kvModel, history).partitions, 0);
const stale = report([put(0, 1, "a"), put(0, 3, "b"), get(4, 5, "a")]);

/** The bars as [class, label], in the order of drawing. */
const barsOf = (svg: string): string[][] =>
  [...svg.matchAll(/<g class="operation"><title>(.*?)<\/title><rect class="(.*?)"/g)].map((match) => [
    at(match, 2),
    at(match, 1),
  ]);

test("the words name the misfit, the right answer, the place where it would fit, and what forbids it", () => {
  expect(explain(kvModel, stale)).toEqual({
    conflict: 1,
    sentences: [
      'Client 4 called get x and was answered "a".',
      'After 1 and 2, the longest order that can be explained, the state is "b" and the answer would have to be "b".',
      'It would fit right after 1, but put x = "b" of client 0 (2) had returned before get x was called, so it has to come first.',
      "No order of these 3 operations that respects real time explains every answer.",
    ],
  });
});

test("an answer that nobody wrote fits nowhere", () => {
  const { sentences, conflict } = explain(kvModel, report([put(0, 1, "a"), get(1, 3, "z")]));
  expect(conflict).toBeNull();
  expect(sentences).toContain("At no place in that order would its answer be right.");
});

test("the picture has a bar for each operation, and marks the order, the misfit and the conflict", () => {
  const svg = renderPicture(kvModel, stale);
  expect(barsOf(svg)).toEqual([
    ["placed", "put x = &quot;a&quot; → ok"],
    ["conflict", "put x = &quot;b&quot; → ok"],
    ["blocked", "get x → &quot;a&quot;"],
  ]);
  expect(svg).toContain("<title>Not linearizable: x</title>");
  expect(svg).toContain(">client 4<");
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)|<script|@import|url\(/);
});

test("a bar of unknown end is open, and never hides another of its client", () => {
  const history: Kv[] = [
    put(0, 1, "a"),
    { client: 1, call: 2, input: { type: "put", key: "x", value: "b" }, outcome: "unknown" },
    get(2, 3, "b"),
    get(2, 5, "a"),
  ];
  const svg = renderPicture(kvModel, minimise(kvModel, report(history)));
  expect(barsOf(svg).map(([kind]) => kind)).toContain("placed open");
});

test("bars do not overlap in a row, and every label fits its bar", () => {
  const history = [
    ok(0, 1, 100, { type: "put", key: "x", value: "a long value, much longer than its neighbours" }),
    ...Array.from({ length: 6 }, (_, i) => put(1, 2 + 3 * i, `v${i}`)),
    get(2, 200, "z"),
  ];
  const svg = renderPicture(kvModel, report(history));
  const bars = [
    ...svg.matchAll(
      /<rect class="[a-z ]+" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="28".*?class="label".*?>(.*?)</g,
    ),
  ].map((match) => ({
    x: Number(match[1]),
    y: Number(match[2]),
    width: Number(match[3]),
    label: at(match, 4).replaceAll(/&\w+;/g, "_"),
  }));
  expect(bars).toHaveLength(8);
  for (const [i, bar] of bars.entries()) {
    expect(bar.width).toBeGreaterThan(30 + bar.label.length * 7.2);
    const inRow = bars.slice(i + 1).filter((other) => other.y === bar.y);
    const overlapping = inRow.filter(
      (other) => Math.max(bar.x, other.x) < Math.min(bar.x + bar.width, other.x + other.width),
    );
    expect(overlapping).toEqual([]);
  }
});

test("hostile values cannot break out of the document", () => {
  const value = `</text><script>alert("&")</script>\u0000\uD800`;
  const svg = renderPicture(kvModel, report([put(0, 1, value), get(1, 3, "z")]), { title: "<&>" });
  expect(svg).not.toContain("<script");
  expect(svg).toContain("<title>&lt;&amp;&gt;</title>");
  expect(svg).toContain("&lt;script&gt;");
  expect(svg.split("").every((character) => character === "\n" || character >= " ")).toBe(true);
  expect(svg.isWellFormed()).toBe(true);
});

test("of a long history only the end is drawn, and the picture says so", () => {
  const history = [...Array.from({ length: 100 }, (_, i) => put(0, 2 * i, `v${i}`)), get(1, 500, "z")];
  const svg = renderPicture(kvModel, report(history), { maxOperations: 5 });
  expect(barsOf(svg)).toHaveLength(5);
  expect(barsOf(svg).at(-1)).toEqual(["blocked", "get x → &quot;z&quot;"]);
  expect(svg).toContain("96 of 101 operations");
});

test("a picture of nothing wrong, or of no operations, is refused", () => {
  expect(() => renderPicture(kvModel, report([put(0, 1, "a")]))).toThrow(RangeError);
  expect(() => renderPicture(kvModel, stale, { maxOperations: 0 })).toThrow(RangeError);
});
