import { expect, test } from "vitest";
import { Presence } from "../src/stream/presence.ts";

function setup() {
  const events: string[] = [];
  const presence = new Presence((peer) => events.push(`${peer} is gone`));
  const enter = (peer: number, run: bigint, name: string) =>
    presence.enter({ peer, run, isVouchedFor: false }, () => events.push(`${name} is superseded`));
  return { events, presence, enter };
}

test("a peer is gone when the last of its streams has broken, and not before", () => {
  const { enter, events } = setup();
  const [control, bulk, other] = [enter(1, 7n, "control"), enter(1, 7n, "bulk"), enter(2, 7n, "other")];
  control.leave(false);
  expect(events).toEqual([]);
  bulk.leave(false);
  expect(events).toEqual(["1 is gone"]);
  other.leave(false);
  expect(events).toEqual(["1 is gone", "2 is gone"]);
});

test("it is gone once for each break", () => {
  const { enter, events } = setup();
  const first = enter(1, 7n, "first");
  first.leave(false);
  first.leave(false);
  const second = enter(1, 7n, "second");
  first.leave(false);
  expect(events).toEqual(["1 is gone"]);
  second.leave(false);
  expect(events).toEqual(["1 is gone", "1 is gone"]);
});

test("it is not gone when this side has ended the last stream, whoever ended the others", () => {
  const { enter, events } = setup();
  const [control, bulk] = [enter(1, 7n, "control"), enter(1, 7n, "bulk")];
  control.leave(false);
  bulk.leave(true);
  expect(events).toEqual([]);
});

test("a stream that takes the place of another does not make its peer leave", () => {
  const { enter, events } = setup();
  const older = enter(1, 7n, "older");
  const newer = enter(1, 7n, "newer");
  older.leave(true);
  expect(events).toEqual([]);
  newer.leave(false);
  expect(events).toEqual(["1 is gone"]);
});

test("another run of the peer says that the one before is gone, even if its streams do not know it yet", () => {
  const { enter, events } = setup();
  const stale = enter(1, 7n, "stale");
  const fresh = enter(1, 8n, "fresh");
  expect(events).toEqual(["stale is superseded", "1 is gone"]);
  stale.leave(false);
  fresh.leave(false);
  expect(events).toEqual(["stale is superseded", "1 is gone", "1 is gone"]);
});

test("after clear nobody leaves", () => {
  const { enter, events, presence } = setup();
  const way = enter(1, 7n, "stream");
  presence.clear();
  way.leave(false);
  expect(events).toEqual([]);
});
