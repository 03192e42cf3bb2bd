import type { Mutant } from "../src/mutant.ts";

const CALLS = "packages/kv/src/server/calls.ts";
const FAILURE = "packages/kv/src/server/failure.ts";
const GROUPS = "packages/kv/src/server/groups.ts";
const MESSAGES = "packages/kv/src/server/messages.ts";
const PROGRESS = "packages/kv/src/server/progress.ts";
const RANGE = "packages/kv/src/server/key-range.ts";
const SERVICE = "packages/kv/src/server/kv-v1-service.ts";
const NEXT_LEADER = "packages/kv/src/server/next-leader.ts";
const STREAM = "packages/kv/src/server/stream.ts";
const TOKEN = "packages/kv/src/server/page-token.ts";
const WATCH = "packages/kv/src/server/watch.ts";

/** What a server makes of the calls of eraft.kv.v1. */
export const KV_SERVICE: readonly Mutant[] = [
  {
    id: "kv/watch-without-barrier",
    bug: "begins a watch with the present state of a server that is behind",
    file: WATCH,
    find: '{ signal: controller.signal, consistency: "linearizable" }',
    replace: '{ signal: controller.signal, consistency: "stale" }',
  },
  {
    id: "kv/watch-skips-first",
    bug: "begins a watch one revision too late",
    file: WATCH,
    find: "from: from === 0 ? revision + 1 : from };",
    replace: "from: from === 0 ? revision + 1 : from + 1 };",
  },
  {
    id: "kv/watch-tells-twice",
    bug: "tells the last revision of a response again",
    file: WATCH,
    find: "      next = part.next;\n",
    replace: "      next = part.changes.length > 200 ? part.next - 1 : part.next;\n",
  },
  {
    id: "kv/watch-gap-unnoticed",
    bug: "goes on behind a gap when a watch was too slow",
    file: WATCH,
    find: "      if (next < history.firstRevision) {\n",
    replace: "      if (next < 0) {\n",
  },
  {
    id: "kv/watch-compacted-untold",
    bug: "begins a watch with what is left of the past",
    file: WATCH,
    find: "if (from > 0 && from < firstRevision) {",
    replace: "if (from < 0) {",
  },
  {
    id: "kv/watch-of-the-future",
    bug: "takes a watch of a revision that has not happened, and tells what comes before",
    file: WATCH,
    find: "if (from > revision + 1) {",
    replace: "if (from > revision + 1000) {",
  },
  {
    id: "kv/watch-splits-everything",
    bug: "sends a whole history in one response",
    file: WATCH,
    find: "while (next <= end && bytes < RESPONSE_BYTES) {",
    replace: "while (next <= end) {",
  },
  {
    id: "kv/watch-ignores-range",
    bug: "tells changes of other keys",
    file: WATCH,
    find: "(history.changesOf(next) ?? []).filter(({ key }) => isWithin(keys, key))",
    replace: "(history.changesOf(next) ?? []).filter(({ key }) => isWithin(keys, key) || key.length > 0)",
  },
  {
    id: "kv/watch-outlives-its-caller",
    bug: "keeps the timer of a watch whose caller has gone",
    file: WATCH,
    find: '    signal.addEventListener("abort", end);\n',
    replace: '    signal.addEventListener("abort", tell);\n',
  },
  {
    id: "kv/progress-put-off",
    bug: "says nothing to a watch as long as something happens elsewhere",
    file: PROGRESS,
    find: "    if (leftMs > 0) return;\n",
    replace: "    if (leftMs > 0 || this.#madeAtMs > 0) return;\n",
  },
  {
    id: "kv/end-forgets-watches",
    bug: "does not end watches when the server stops",
    file: SERVICE,
    find: "    end: () => end.come(),\n",
    replace: "    end: () => {},\n",
  },
  {
    id: "kv/prefix-of-ff",
    bug: "ends the range of a prefix of 0xff bytes before it begins",
    file: RANGE,
    find: "if (length === 0) return null;",
    replace: "if (length === 0) return prefix;",
  },
  {
    id: "kv/page-repeats-last",
    bug: "begins a page with the last item of the one before",
    file: TOKEN,
    find: "{ ...order, start: `${lastKey}\\0` }",
    replace: "{ ...order, start: lastKey }",
  },
  {
    id: "kv/page-token-of-any-scan",
    bug: "goes on with the page of another scan",
    file: TOKEN,
    find: "new DataView(token.buffer, token.byteOffset).getUint32(0) === checkOf(order, lastKey)",
    replace: "lastKey.length > 0",
  },
  {
    id: "kv/page-limit-unchecked",
    bug: "reads a page of any size",
    file: CALLS,
    find: "if (limit < 0 || limit > MAX_PAGE_ITEMS) {",
    replace: "if (limit < 0) {",
  },
  {
    id: "kv/v1-unknown-consistency-is-linearizable",
    bug: "guesses what a consistency means that it does not know",
    file: CALLS,
    find: "  throw new KvInvalidArgumentError(`consistency is",
    replace:
      '  if (consistency !== Consistency.STALE) return "linearizable";\n  throw new KvInvalidArgumentError(`consistency is',
  },
  {
    id: "kv/fault-proposed",
    bug: "puts a write into the log that can never be done",
    file: CALLS,
    find: 'const fault = serial === undefined ? "badSerial" : writeFault(write);',
    replace: 'const fault = serial === undefined ? "badSerial" : null;',
  },
  {
    id: "kv/serial-of-zero",
    bug: "takes a write without a number for one of a session",
    file: MESSAGES,
    find: "Number.isSafeInteger(one) && one > 0",
    replace: "Number.isSafeInteger(one) && one >= 0",
  },
  {
    id: "kv/group-answers-shifted",
    bug: "answers calls of one group with each other's answers",
    file: GROUPS,
    find: "done(answers[position]!);",
    replace: "done(answers[group.length - 1 - position]!);",
  },
  {
    id: "kv/waiting-unbounded",
    bug: "takes on any number of calls",
    file: GROUPS,
    find: "if (this.#waiting >= this.#options.maxWaiting) {",
    replace: "if (this.#waiting < 0) {",
  },
  {
    id: "kv/waiting-counts-up",
    bug: "does not count the calls down that have failed, and is busy for ever",
    file: GROUPS,
    find: "    } catch (error) {\n      this.#waiting -= group.length;\n",
    replace: "    } catch (error) {\n",
  },
  {
    id: "kv/unknown-told-as-not-done",
    bug: "says that a write was not done that may have been",
    file: FAILURE,
    find: "return failure(unknownReason(error.cause), error.message, { outcomeUnknown: true });",
    replace: "return failure(unknownReason(error.cause), error.message);",
  },
  {
    id: "kv/leader-untold",
    bug: "does not say where the leader is",
    file: FAILURE,
    find: '{ leaderAddress: error.leaderAddress ?? "" }',
    replace: "{}",
  },
  {
    id: "kv/stream-reads-on",
    bug: "reads a stream however many of its calls are under way",
    file: STREAM,
    find: "while (this.#underWay >= MAX_UNDER_WAY) await this.#room.told();",
    replace: "",
  },
  {
    id: "kv/stream-ends-early",
    bug: "ends a stream with calls under way when the caller has no more",
    file: STREAM,
    find: "if (this.#isRead && this.#underWay === 0) return;",
    replace: "if (this.#isRead) return;",
  },
  {
    id: "kv/next-leader-untold",
    bug: "does not tell those who wait that there is a new leader",
    file: NEXT_LEADER,
    find: "      if (leaderId !== null) this.#wake();\n",
    replace: "",
  },
  {
    id: "kv/next-leader-missed",
    bug: "waits for the next leader although there is one already",
    file: NEXT_LEADER,
    find: "    if (this.#successor(isHandingOver) === null) await this.#wait",
    replace: "    await this.#wait",
  },
  {
    id: "kv/next-leader-is-this-one",
    bug: "sends those who come during a transfer back to where they come from",
    file: NEXT_LEADER,
    find: "    if (isHandingOver && this.#leader?.leaderId === this.#node.status().id) return null;\n",
    replace: "",
  },
  {
    id: "kv/next-leader-of-yesterday",
    bug: "tells of a leader that is known no longer",
    file: NEXT_LEADER,
    find: "this.#leader = leaderId === null ? null : { leaderId, leaderAddress };",
    replace: "if (leaderId !== null) this.#leader = { leaderId, leaderAddress };",
  },
  {
    id: "kv/next-leader-waited-for-in-vain",
    bug: "keeps callers until their time is up where no leader comes",
    file: NEXT_LEADER,
    find: "    const cancel = this.#clock.after(patienceMs, resolve);\n",
    replace: "    const cancel = (): void => void patienceMs;\n",
  },
  {
    id: "kv/next-leader-any-number-waits",
    bug: "keeps any number of callers",
    file: NEXT_LEADER,
    find: "if (this.#waiting.size >= MAX_WAITING || signal.aborted) return;",
    replace: "if (this.#waiting.size > Infinity || signal.aborted) return;",
  },
  {
    id: "kv/next-leader-counts-up",
    bug: "counts those who have been told among those who wait, and soon lets nobody wait",
    file: NEXT_LEADER,
    find: "    this.#waiting.delete(resolve);\n",
    replace: "",
  },
  {
    id: "kv/next-leader-holds-the-end-up",
    bug: "has callers wait for a leader in a node that is no more",
    file: NEXT_LEADER,
    find: '    node.on?.("stopped", () => this.#wake());\n',
    replace: "",
  },
  {
    id: "kv/next-leader-works-for-nobody",
    bug: "goes on waiting when its caller has gone",
    file: NEXT_LEADER,
    find: '    signal.addEventListener("abort", resolve);\n',
    replace: "",
  },
  {
    id: "kv/next-leader-not-for-bytes",
    bug: "tells those who are served from bytes to bytes nothing of the next leader",
    file: "packages/kv/src/server/kvraft-bytes.ts",
    find: "errorResponse(await this.#nextLeader.errorFor(error, context.signal), context)",
    replace:
      "errorResponse(await this.#nextLeader.errorFor(error, context.signal).then(() => error), context)",
  },
];
