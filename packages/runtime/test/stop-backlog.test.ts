import { afterEach, expect, test } from "vitest";
import { OutcomeUnknownError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { Gate } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

/** More than one slice of a batch. */
const MANY = 1500;

// `stop` spares callers whose entries are on their way through the state machine, since they are about to learn their results. It also ends that
// way early: whoever was behind the end must hear of it.
test("stop in the middle of a long backlog: what is applied is answered, the rest is unknown, nobody waits", async () => {
  cluster = await Cluster.start(1);
  const { node, journal } = await cluster.leader();
  const gate = new Gate();
  journal.onApply = gate.pass;
  gate.close();
  const proposals = Array.from({ length: MANY }, (_, at) => node.propose(bytes(`${at}`)));
  const outcomes = Promise.allSettled(proposals);
  await settle();
  await cluster.until(() => node.status().commitIndex === MANY + 1, "the backlog is not committed");
  expect(gate.arrivals).toBe(1);

  const stopped = node.stop();
  gate.open();
  await cluster.await(stopped);
  const settled = await outcomes;
  const unknown = settled.filter(
    (outcome) => outcome.status === "rejected" && outcome.reason instanceof OutcomeUnknownError,
  );
  const answered = settled.filter(({ status }) => status === "fulfilled");
  expect(answered).toHaveLength(journal.lines.length);
  expect(answered.length).toBeGreaterThan(0);
  expect(unknown.length).toBeGreaterThan(0);
  expect(answered.length + unknown.length).toBe(MANY);
});
