import type { Mutant } from "../src/mutant.ts";

const VERDICT = "apps/bench/src/report/verdict.ts";
const RESULTS = "apps/bench/src/report/results.ts";
const H2LOAD = "apps/bench/src/load/h2load.ts";
const SPINNER = "apps/bench/src/load/key-spinner.ts";
const ERAFT = "apps/bench/src/systems/eraft.ts";
const PROTOBUF = "apps/bench/src/systems/protobuf.ts";

/** A benchmark that is wrong in our favour is believed for years. */
export const APPS_BENCH: readonly Mutant[] = [
  {
    id: "bench/ratio-of-medians",
    bug: "compares the best rounds of one system with other rounds of the other",
    file: VERDICT,
    find: "median(row.eraft.map((value, round) => value / (etcd[round] ?? Number.NaN)))",
    replace: "median(row.eraft) / median(etcd)",
  },
  {
    id: "bench/slow-is-good",
    bug: "takes a time that is too long for a goal that is met",
    file: VERDICT,
    find: 'row.better === "more" ? value >= wanted : value <= wanted',
    replace: "value >= wanted",
  },
  {
    id: "bench/nobody-beaten",
    bug: "calls a goal met where there was nothing to compare with",
    file: VERDICT,
    find: "value === null ? null : row.better",
    replace: "value === null ? true : row.better",
  },
  {
    id: "bench/errors-are-answers",
    bug: "counts answers with another status than 200",
    file: H2LOAD,
    find: "succeeded !== requests || ",
    replace: "",
  },
  {
    id: "bench/refusals-are-fast",
    bug: "counts puts that were refused",
    file: ERAFT,
    find: "fits: (bytes, requests) => bytes === requests * (FRAME_BYTES + 4),",
    replace: "fits: (bytes, requests) => bytes >= requests * FRAME_BYTES,",
  },
  {
    id: "bench/missing-values-are-fast",
    bug: "counts reads that found nothing",
    file: ERAFT,
    find: "    return bytes === requests * answerBytes;\n",
    replace: "    return bytes <= requests * answerBytes;\n",
  },
  {
    id: "bench/timeouts-are-done",
    bug: "takes a put that ran into its time limit for one that is done",
    file: ERAFT,
    find: 'refusal: (answer) => (answer.text(1) === "OK" ? null : answer.text(1)),',
    replace: "refusal: () => null,",
  },
  {
    id: "bench/one-key",
    bug: "writes one and the same key all the time",
    file: SPINNER,
    find: "(this.#next + 7919) % this.#keys",
    replace: "(this.#next + this.#keys) % this.#keys",
  },
  {
    id: "bench/key-elsewhere",
    bug: "overwrites something else than the key",
    file: SPINNER,
    find: "body.indexOf(keyAt(0)) + keyAt(0).length - DIGITS",
    replace: "body.indexOf(keyAt(0)) + keyAt(0).length",
  },
  {
    id: "bench/long-numbers-cut",
    bug: "reads the first byte of a number only",
    file: PROTOBUF,
    find: "value |= BigInt(byte & 0x7f) << shift;",
    replace: "value = BigInt(byte & 0x7f);",
  },
  {
    id: "bench/numbers-of-another-machine",
    bug: "shows numbers of two machines in one table",
    file: RESULTS,
    find: "const isSame = before !== null && placeOf(before) === placeOf(now);",
    replace: "const isSame = before !== null;",
  },
  {
    id: "bench/old-beside-new",
    bug: "keeps what was measured before beside what is measured now",
    file: RESULTS,
    find: "before.measured.filter(({ name }) => !names.has(name))",
    replace: "before.measured",
  },
];
