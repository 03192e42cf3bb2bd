import type { Mutant } from "../src/mutant.ts";

const BACKLOG = "packages/runtime/src/backlog.ts";
const ARRIVALS = "packages/runtime/src/arrivals.ts";
const REQUESTS = "packages/runtime/src/requests.ts";
const NODE = "packages/runtime/src/node.ts";
const THROTTLE = "packages/kv/src/client/throttle.ts";
const RETRY_LOOP = "packages/kv/src/client/retry-loop.ts";

/** More load than the servers bear: whom they refuse, and how clients take it. */
export const OVERLOAD: readonly Mutant[] = [
  {
    id: "runtime/overload-wait-without-bound",
    bug: "bounds how many wait, and not for how long",
    file: NODE,
    find: "    if (isQueued && this.#backlog.isTooLong) throw new BusyError();\n",
    replace: "",
  },
  {
    id: "runtime/overload-only-the-oldest",
    bug: "refuses only once somebody has waited for too long: by then many more wait than can be served in time",
    file: BACKLOG,
    find: "return waitedMs > this.#maxWaitMs / 2 && size > this.#servedRecently();",
    replace: "return false;",
  },
  {
    id: "runtime/overload-bursts-refused",
    bug: "refuses the better part of a burst, before anybody knows how fast it will be served",
    file: BACKLOG,
    find: "return waitedMs > this.#maxWaitMs / 2 && size > this.#servedRecently();",
    replace: "return size > this.#servedRecently();",
  },
  {
    id: "runtime/overload-few-refused",
    bug: "refuses where few wait, for a disk or a network that is slow",
    file: BACKLOG,
    find: "if (size < MIN_WAITING) return false;",
    replace: "if (size < 1) return false;",
  },
  {
    id: "runtime/overload-served-for-ever",
    bug: "counts what was served at any time as served recently",
    file: BACKLOG,
    find: "    this.#roll();\n    return this.#served",
    replace: "    return this.#served",
  },
  {
    id: "runtime/overload-arrivals-misnumbered",
    bug: "takes one that waits for another, once those that have left are forgotten",
    file: ARRIVALS,
    find: "    this.#base += this.#head;\n",
    replace: "",
  },
  {
    id: "runtime/overload-arrivals-waiting-forgotten",
    bug: "forgets the one that has waited for longest together with those that have left",
    file: ARRIVALS,
    find: "this.#since = this.#since.slice(this.#head);\n    this.#base += this.#head;",
    replace: "this.#since = this.#since.slice(this.#head + 1);\n    this.#base += this.#head + 1;",
  },
  {
    id: "runtime/overload-arrivals-leave-twice",
    bug: "counts a request as gone once more when it has gone already",
    file: ARRIVALS,
    find: "    this.#since[at] = Number.NaN;\n",
    replace: "",
  },
  {
    id: "runtime/overload-arrivals-gaps",
    bug: "does not leave places for requests that wait for no majority, and takes later ones for others",
    file: ARRIVALS,
    find: "    while (this.#base + this.#since.length < id) this.#since.push(Number.NaN);\n",
    replace: "",
  },
  {
    id: "runtime/overload-refused-counts-as-served",
    bug: "takes a request that has left for one that was served",
    file: REQUESTS,
    find: "    this.#backlog.left(id);\n    this.#close(id)?.reject(error);",
    replace: "    this.#close(id)?.reject(error);",
  },
  {
    id: "runtime/overload-abandoned-forgotten",
    bug: "forgets commands in the log as soon as their callers have given up, and takes on as many again",
    file: REQUESTS,
    find: "    if (request.wish.effect === null || !request.isStepped) this.#backlog.left(id);\n",
    replace: "    this.#backlog.left(id);\n",
  },
  {
    id: "runtime/overload-abandoned-reads-count",
    bug: "counts reads whose callers have given up for ever",
    file: REQUESTS,
    find: "    if (request.wish.effect === null || !request.isStepped) this.#backlog.left(id);\n",
    replace: "    if (!request.isStepped) this.#backlog.left(id);\n",
  },
  {
    id: "runtime/overload-slow-queries-count",
    bug: "takes a state machine that is slow to answer for a backlog",
    file: REQUESTS,
    find: "    this.#backlog.served(id);\n    this.#open.get(id)?.wish.onReadable?.(id);",
    replace: "    this.#open.get(id)?.wish.onReadable?.(id);",
  },
  {
    id: "kv/overload-done-for-nobody",
    bug: "proposes commands whose callers had gone before they were read",
    file: "packages/kv/src/server/time-limits.ts",
    find: "if ((timeoutMs !== undefined && timeoutMs <= 0) || call.signal.aborted) return Promise.resolve(null);",
    replace: "",
  },
  {
    id: "kv/overload-client-ignores-busy",
    bug: "has as many attempts under way at a busy server as there are callers",
    file: RETRY_LOOP,
    find: 'else if (verdict.type === "failed" && verdict.busy) end = "busy";',
    replace: "",
  },
  {
    id: "kv/overload-each-refusal-halves",
    bug: "halves its window for each of the attempts that were refused together",
    file: THROTTLE,
    find: 'if (end === "busy" && attempt > this.#narrowedAt) {',
    replace: 'if (end === "busy") {',
  },
  {
    id: "kv/overload-window-never-widens",
    bug: "goes on with a narrow window when the servers have long had nothing to do",
    file: THROTTLE,
    find: "if (this.#underWay >= Math.floor(this.#window)) this.#window += 1 / this.#window;",
    replace: "",
  },
  {
    id: "kv/overload-unused-window-widens",
    bug: "widens a window that it does not use up, and floods the servers with the next burst",
    file: THROTTLE,
    find: "if (this.#underWay >= Math.floor(this.#window)) this.#window += 1 / this.#window;",
    replace: "this.#window += 1 / this.#window;",
  },
  {
    id: "kv/overload-oldest-first",
    bug: "serves in turn, and so each just before it gives up",
    file: THROTTLE,
    find: "return isLong ? this.#line.pop() : this.#line.shift();",
    replace: "return this.#line.shift();",
  },
  {
    id: "kv/overload-gone-but-in-line",
    bug: "gives a turn to a caller who has given up",
    file: THROTTLE,
    find: "      this.#line.splice(this.#line.indexOf(waiter), 1);\n",
    replace: "",
  },
  {
    id: "runtime/snapshot-in-vain",
    bug: "keeps as much log for a follower that is being sent a snapshot, however much comes before the next snapshot",
    file: "packages/runtime/src/options.ts",
    find: "maxRetainedBytes: Math.max(8 * retainedBytes, (MOST_TIMES + 1) * snapshotBytes) };",
    replace: "maxRetainedBytes: 8 * retainedBytes };",
  },
];
