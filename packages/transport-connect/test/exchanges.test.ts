import { getEventListeners } from "node:events";
import { Code, ConnectError } from "@connectrpc/connect";
import type { AppendEntries, Request, Response } from "@eraft/core";
import { expect, test } from "vitest";
import type { Exchange } from "../src/server/exchange.ts";
import { ErrorDelay } from "../src/server/error-delay.ts";
import { Exchanges } from "../src/server/exchanges.ts";
import { agree, appendRequest, entriesAfter, ManualClock, voteRequest } from "./support.ts";

const LIMITS = { maxOpenExchanges: 3, maxOpenBytes: 1000, maxHoldMs: 500 };
const never = new AbortController().signal;

function setup() {
  const clock = new ManualClock();
  const exchanges = new Exchanges(clock, LIMITS);
  const open = (request: Request, sizeBytes = 0): Exchange => {
    const exchange = exchanges.open(request, sizeBytes);
    if (exchange instanceof ConnectError) throw exchange;
    return exchange;
  };
  return { clock, exchanges, open };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => ConnectError.from(error).code,
  );

test("an answer goes to the request with its sequence, whatever the order", async () => {
  const { exchanges, open } = setup();
  const requests = [1, 2, 3].map((sequence) => voteRequest({ sequence }));
  const waits = requests.map((request) => open(request).wait(never));
  for (const request of requests.toReversed()) exchanges.answer(agree(request));
  for (const [i, wait] of waits.entries()) expect((await wait).sequence).toBe(requests[i]?.sequence);
  expect(exchanges.size).toBe(0);
});

test("an answer to nothing that is open is dropped", async () => {
  const { exchanges, open } = setup();
  const wait = open(voteRequest({ sequence: 1 })).wait(never);
  exchanges.answer(agree(voteRequest({ sequence: 2 })));
  expect(exchanges.size).toBe(1);
  exchanges.answer(agree(voteRequest({ sequence: 1 })));
  exchanges.answer(agree(voteRequest({ sequence: 1 })));
  expect((await wait).type).toBe("requestVoteResponse");
});

test.for([
  ["termLeap", Code.FailedPrecondition],
  ["twoLeaders", Code.FailedPrecondition],
  ["malformed", Code.InvalidArgument],
] as const)("a refusal, %s, becomes an error", async ([reason, code]) => {
  const { exchanges, open } = setup();
  const wait = open(voteRequest()).wait(never);
  exchanges.answer({ type: "refusal", from: 2, to: 1, term: 1, sequence: 71, reason });
  expect(await codeOf(wait)).toBe(code);
});

const wrong: [why: string, response: Response][] = [
  ["another type", { ...agree(voteRequest()), sequence: 72 }],
  ["another server", { ...agree(appendRequest()), to: 3 }],
];

test.for(wrong)("an answer for %s never reaches the wire", async ([, response]) => {
  const { exchanges, open } = setup();
  const wait = open(appendRequest()).wait(never);
  exchanges.answer(response);
  expect(await codeOf(wait)).toBe(Code.Internal);
});

test("a success that covers less than the request is not sent as success", async () => {
  const { exchanges, open } = setup();
  const request: AppendEntries = appendRequest({ entries: entriesAfter(9, 2, 1) });
  const wait = open(request).wait(never);
  exchanges.answer({ ...agree(request), matchIndex: 10 } as Response);
  expect(await codeOf(wait)).toBe(Code.Internal);
});

test("nothing stays registered with a caller that got its answer", async () => {
  const { exchanges, open } = setup();
  const { signal } = new AbortController();
  const wait = open(voteRequest()).wait(signal);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  exchanges.answer(agree(voteRequest()));
  await wait;
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("a caller that leaves does not end the exchange, and another can join it", async () => {
  const { exchanges, open } = setup();
  const exchange = open(voteRequest());
  const caller = new AbortController();
  const first = exchange.wait(caller.signal);
  const second = exchange.wait(never);
  caller.abort(new ConnectError("deadline", Code.DeadlineExceeded));
  expect(await codeOf(first)).toBe(Code.DeadlineExceeded);
  expect(await codeOf(exchange.wait(caller.signal))).toBe(Code.DeadlineExceeded);
  expect(exchanges.size).toBe(1);
  exchanges.answer(agree(voteRequest()));
  expect((await second).type).toBe("requestVoteResponse");
});

test("the number of open exchanges is bounded for each peer", () => {
  const { exchanges, open } = setup();
  for (const sequence of [1, 2, 3]) open(voteRequest({ sequence }));
  const refused = exchanges.open(voteRequest({ sequence: 4 }), 0);
  expect(refused).toBeInstanceOf(ConnectError);
  expect((refused as ConnectError).code).toBe(Code.ResourceExhausted);
  open(voteRequest({ sequence: 5, from: 3 }));
  exchanges.answer(agree(voteRequest({ sequence: 2 })));
  open(voteRequest({ sequence: 6 }));
});

test("the bytes of open exchanges are bounded, but one of any size is let in", () => {
  const { exchanges, open } = setup();
  open(appendRequest({ sequence: 1 }), 5000);
  expect(exchanges.open(appendRequest({ sequence: 2, from: 3 }), 1)).toBeInstanceOf(ConnectError);
  exchanges.answer(agree(appendRequest({ sequence: 1 })));
  open(appendRequest({ sequence: 3 }), 600);
  open(appendRequest({ sequence: 4 }), 400);
  expect(exchanges.open(appendRequest({ sequence: 5 }), 1)).toBeInstanceOf(ConnectError);
});

test("an exchange that is never answered is forgotten after a bounded time, with one timer for all", async () => {
  const { clock, exchanges, open } = setup();
  const first = open(voteRequest({ sequence: 1 })).wait(never);
  clock.advance(300);
  const second = open(voteRequest({ sequence: 2 })).wait(never);
  expect(clock.timers).toBe(1);
  clock.advance(200);
  expect(await codeOf(first)).toBe(Code.DeadlineExceeded);
  expect(exchanges.size).toBe(1);
  clock.advance(300);
  expect(await codeOf(second)).toBe(Code.DeadlineExceeded);
  expect([exchanges.size, clock.timers]).toEqual([0, 0]);
  open(voteRequest({ sequence: 3 }));
  expect(clock.timers).toBe(1);
});

test("failAll ends everything and leaves no timer", async () => {
  const { clock, exchanges, open } = setup();
  const waits = [1, 2].map((sequence) => open(voteRequest({ sequence })).wait(never));
  exchanges.failAll(new ConnectError("stopped", Code.Unavailable));
  for (const wait of waits) expect(await codeOf(wait)).toBe(Code.Unavailable);
  expect([exchanges.size, clock.timers]).toEqual([0, 0]);
});

test("error replies wait for the delay, a bounded number of them, and not beyond a flush", async () => {
  const clock = new ManualClock();
  const delay = new ErrorDelay(clock, 50, 2);
  const ended: string[] = [];
  const first = delay.pause().then(() => ended.push("first"));
  const second = delay.pause().then(() => ended.push("second"));
  await delay.pause().then(() => ended.push("third, beyond the bound"));
  expect(ended).toEqual(["third, beyond the bound"]);
  clock.advance(49);
  await Promise.resolve();
  expect(ended).toHaveLength(1);
  clock.advance(1);
  await Promise.all([first, second]);
  const last = delay.pause();
  delay.flush();
  await last;
  expect(clock.timers).toBe(0);
});
