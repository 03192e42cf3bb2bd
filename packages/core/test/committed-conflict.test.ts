import { expect, test } from "vitest";
import { appendEntries } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// The answer to a failed consistency check tells a leader where to begin replacing. About a committed entry there is no such place: a leader that
// lost its disk would be led below it, one question at a time.
test("a leader that asks about a committed entry with another term stops the server, before any entry comes", () => {
  const server = new Solo({ log: [1, 1, 1] });
  server.receive(appendEntries([3, 1], [], { term: 1, leaderCommit: 2 }));
  expect(server.receive(appendEntries([3, 2], [], { term: 2 }))).toMatchObject([
    { success: false, conflictTerm: 1 },
  ]);
  expect(() => server.receive(appendEntries([2, 2], [], { term: 2 }))).toThrow(
    /the committed one here has term 1/,
  );
});
