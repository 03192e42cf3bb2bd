import { afterEach, expect, test } from "vitest";
import { OutcomeUnknownError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

// The state machine gives results for commands; the log holds the leader's no-ops as well. Counted together, a client would get the answer
// of the command after its own.
test("a client gets its own command's result, whatever else is applied with it", async () => {
  cluster = await Cluster.start(1);
  const { node, journal, storage } = await cluster.leader();
  const applying = new Gate();
  const writing = new Gate();
  journal.onApply = applying.pass;
  storage.before = (operation) => (operation === "write" ? writing.pass() : undefined);

  applying.close();
  const a = node.propose(bytes("a"));
  await settle();
  expect(applying.arrivals).toBe(1);

  // While "a" is being applied, the disk hangs under "b" until the server steps down; its next term begins with a no-op.
  writing.close();
  const b = outcomeOf(node.propose(bytes("b")));
  await cluster.until(() => b.state === "rejected", "the server goes on leading");
  expect(b.error).toBeInstanceOf(OutcomeUnknownError);
  writing.open();
  await cluster.leader();
  const c = node.propose(bytes("c"));
  const d = node.propose(bytes("d"));
  await cluster.until(() => node.status().commitIndex === 6, "the commands are not committed");

  applying.open();
  expect(await Promise.all([a, c, d])).toEqual(["2:a", "5:c", "6:d"]);
  expect(journal.lines).toEqual(["2:a", "3:b", "5:c", "6:d"]);
});
