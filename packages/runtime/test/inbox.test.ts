import type { Input } from "@eraft/core";
import { expect, test } from "vitest";
import { Inbox } from "../src/inbox.ts";
import { heartbeat } from "./support/scripted-transport.ts";

const read = (id: number): Input => ({ type: "read", id });
const receive = (sequence: number): Input => ({ type: "receive", message: heartbeat(sequence) });

test("messages come out first, one tick last, everything else in between; each group in its own order", () => {
  const inbox = new Inbox();
  const tick: Input = { type: "tick" };
  for (const input of [tick, read(1), receive(1), tick, read(2), tick, receive(2)]) inbox.push(input);
  expect(inbox.drain()).toEqual([receive(1), receive(2), read(1), read(2), tick]);
  expect(inbox.drain()).toEqual([]);
});
