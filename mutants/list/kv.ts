import type { Mutant } from "../src/mutant.ts";

const COMMAND = "packages/kv/src/state/command.ts";
const BYTES = "packages/kv/src/state/command-bytes.ts";
const MACHINE = "packages/kv/src/state/state-machine.ts";
const APPLY = "packages/kv/src/state/apply-write.ts";
const TEXT = "packages/kv/src/state/text-command.ts";
const STATE = "packages/kv/src/state/apply-command.ts";
const TREE = "packages/kv/src/state/b-tree.ts";
const READER = "packages/kv/src/state/snapshot-reader.ts";
const WRITER = "packages/kv/src/state/snapshot-writer.ts";
const ATTEMPT = "packages/kv/src/client/attempt.ts";
const VERDICT = "packages/kv/src/client/verdict.ts";
const WALK = "packages/kv/src/client/address-walk.ts";
const RETRY = "packages/kv/src/client/retry-loop.ts";
const CLIENT = "packages/kv/src/client/kvraft-client.ts";
const ANSWERS = "packages/kv/src/server/kvraft-answers.ts";
const KVRAFT_BYTES = "packages/kv/src/server/kvraft-bytes.ts";

/** Keys, values, sessions, and what clients are told (dissertation, 6.3). */
export const KV: readonly Mutant[] = [
  {
    id: "kv/op-truncated",
    bug: "takes op 256 for a PUT",
    like: ["S14"],
    file: STATE,
    find: "  switch (command.op) {",
    replace: "  switch ((command.op & 255) as Op) {",
    also: [
      {
        file: COMMAND,
        find: "return op === Op.PUT || op === Op.APPEND || op === Op.GET;",
        replace: "return (op & 255) <= 2;",
      },
    ],
  },
  {
    id: "kv/bytes-of-no-command-logged",
    bug: "puts what it was sent into the log although it is not how a command is written",
    file: BYTES,
    find: "if (cursor.isFaulty || cursor.at !== bytes.length) return null;",
    replace: "if (cursor.isFaulty) return null;",
  },
  {
    id: "kv/bytes-of-no-text-logged",
    bug: "takes values that are not UTF-8",
    file: BYTES,
    find: "if (!isText(bytes, keyFrom, keyTo) || !isText(bytes, valueFrom, valueTo)) return null;",
    replace: "if (!isText(bytes, keyFrom, keyTo)) return null;",
  },
  {
    id: "kv/defaults-written-down",
    bug: "takes an empty text that is written down for how commands are written",
    file: BYTES,
    find: "if (byte === 0) this.isFaulty = true;",
    replace: "if (byte === 0 && this.at > this.#bytes.length) this.isFaulty = true;",
  },
  {
    id: "kv/long-ids-cut",
    bug: "loses the sign of an id",
    file: BYTES,
    find: "return BigInt.asIntN(64, value);",
    replace: "return value;",
  },
  {
    id: "kv/fault-before-id-forgiven",
    bug: "forgets what was wrong before an id that takes more than seven bytes",
    file: BYTES,
    find: "if (this.isFaulty || !this.#pass(tag)) return 0n;",
    replace: "if (!this.#pass(tag)) return 0n;",
  },
  {
    id: "kv/bytes-ignore-configured-limits",
    bug: "goes by the limits of the state machine where the server is stricter",
    file: KVRAFT_BYTES,
    find: "sizesFault(op, keyTo - keyFrom, valueTo - valueFrom, this.#sizes)",
    replace:
      "sizesFault(op, keyTo - keyFrom, valueTo - valueFrom, { ...this.#sizes, maxValueBytes: 2 ** 20 })",
  },
  {
    id: "kv/unknown-op-is-ok",
    bug: "answers OK to an op that it does not know",
    like: ["S14"],
    file: COMMAND,
    find: "return op === Op.PUT || op === Op.APPEND || op === Op.GET;",
    replace: "return op >= Op.PUT || op === Op.APPEND || op === Op.GET;",
  },
  {
    id: "kv/malformed-command-stops-everyone",
    bug: "throws at a command that it cannot read, on every server and again after each restart",
    like: ["L16"],
    file: COMMAND,
    find: "  } catch {\n    // The Go servers crash here",
    replace: "  } catch (error) {\n    if (bytes.length > 0) throw error;\n    // The Go servers crash here",
  },
  {
    id: "kv/retry-applied-twice",
    bug: "does a write again when its answer was lost",
    like: ["S10"],
    file: STATE,
    find: "  return state.clients.once(clientId, commandId, () => performText(state, limits, command));\n",
    replace: "  return performText(state, limits, command);\n",
  },
  {
    id: "kv/refusal-not-remembered",
    bug: "does a command on retry that it had refused",
    like: ["S11"],
    file: STATE,
    find: "  return state.clients.once(clientId, commandId, () => performText(state, limits, command));\n",
    replace:
      '  const { clients } = state;\n  const earlier = clients.earlier(clientId, commandId);\n  if (earlier !== undefined) return earlier.result;\n  const result = performText(state, limits, command);\n  if (result.status === "ok") clients.record({ clientId, commandId, result });\n  return result;\n',
  },
  {
    id: "kv/sessions-not-in-snapshot",
    bug: "forgets its clients when it restores a snapshot, and does their retries again",
    like: ["S10"],
    file: WRITER,
    find: "  for (const client of clients) yield writer.client(client);\n",
    replace: "  for (const client of clients.slice(clients.length)) yield writer.client(client);\n",
  },
  {
    id: "kv/sessions-in-another-order",
    bug: "evicts another session after a restore than servers that applied the log",
    file: WRITER,
    find: "  for (const client of clients) yield writer.client(client);\n",
    replace: "  for (const client of clients.toReversed()) yield writer.client(client);\n",
  },
  {
    id: "kv/session-of-client-0",
    bug: "takes all clients without a session for one",
    file: STATE,
    find: "  if (clientId === 0n) return performText(state, limits, command);\n",
    replace: "",
  },
  {
    id: "kv/value-without-bound",
    bug: "lets a value grow until no string can hold it",
    file: APPLY,
    find: '        if (bytes > MAX_VALUE_BYTES) return "valueTooLarge";\n',
    replace: "",
  },
  {
    id: "kv/append-replaces",
    bug: "takes APPEND for PUT",
    file: TEXT,
    find: 'op === Op.APPEND ? "append" : "put"',
    replace: 'op === Op.GET ? "append" : "put"',
  },
  {
    id: "kv/snapshot-of-a-moving-state",
    bug: "lets later commands change a snapshot that is being written",
    like: ["S2"],
    file: TREE,
    find: "    this.#generation += 1;\n",
    replace: "",
  },
  {
    id: "kv/snapshot-checksum-ignored",
    bug: "restores a snapshot with a flipped bit",
    like: ["S3", "S12"],
    file: READER,
    find: "if (this.#view.getUint32(this.#start, true) !== this.#crc) {",
    replace: "if (this.#crc < 0) {",
  },
  {
    id: "kv/snapshot-cut-accepted",
    bug: "restores the part of a snapshot that has arrived",
    like: ["S12"],
    file: READER,
    find: 'if (!this.#complete) throw new KvSnapshotError("truncated", "the snapshot ends before its end");',
    replace: "",
  },
  {
    id: "kv/bad-snapshot-clears-state",
    bug: "gives up its state before it knows that the new one is sound",
    like: ["S12"],
    file: MACHINE,
    find: "    const rest = await readSnapshot(",
    replace: "    this.#state = emptyState(this.#limits);\n    const rest = await readSnapshot(",
  },
  {
    id: "kv/snapshot-holds-up-the-loop",
    bug: "writes a whole snapshot without a turn of the event loop",
    like: ["L18"],
    file: WRITER,
    find: "        yield chunk;\n        await pause();\n",
    replace: "        yield chunk;\n",
  },
  {
    id: "kv/entry-applied-again",
    bug: "does not mind being handed an entry twice",
    like: ["S10"],
    file: MACHINE,
    find: "if (index <= this.#lastApplied) {",
    replace: "if (index < 0) {",
  },
  {
    id: "kv/unknown-err-is-success",
    bug: "takes an answer that it does not know for success",
    like: ["S15"],
    file: ATTEMPT,
    find: "    default:\n      break;\n",
    replace: '    default:\n      return { type: "answer", value: isGet ? response.value : "" };\n',
  },
  {
    id: "kv/timeout-is-success",
    bug: "takes ErrTimeout for success",
    like: ["S15"],
    file: ATTEMPT,
    find: 'return failed(new Error("it could not finish in time"), "possible");',
    replace: 'return { type: "answer", value: "" };',
  },
  {
    id: "kv/refused-connection-may-be-done",
    bug: "says that a write to a cluster which is down may have been done",
    file: VERDICT,
    find: "|| wasNeverConnected(error);",
    replace: "|| wasNeverConnected(null);",
  },
  {
    id: "kv/lost-answer-is-not-done",
    bug: "says that a command was not done when only its answer was lost",
    file: VERDICT,
    find: 'return failed(error, isCertain ? "none" : "possible");',
    replace: 'return failed(error, isCertain ? "none" : "none");',
  },
  {
    id: "kv/retry-with-a-new-id",
    bug: "gives a retry an id of its own, so that it is done twice",
    like: ["S10"],
    file: CLIENT,
    find: "    return async (address, limits) => attempt(this.#servers.at(address), request, limits);",
    replace:
      "    let { commandId } = request.command;\n    return async (address, limits) => attempt(this.#servers.at(address), { ...request, command: { ...request.command, commandId: commandId++ } }, limits);",
  },
  {
    id: "kv/uncertain-session-reused",
    bug: "sends another command in a session whose last one may still be on its way",
    file: CLIENT,
    find: "if (loop.outcomeUnknown) this.#sessions.retire();",
    replace: "if (loop.outcomeUnknown) this.#sessions.release(session);",
  },
  {
    id: "kv/sessions-shared",
    bug: "has two commands of one session under way",
    file: "packages/kv/src/client/session-pool.ts",
    find: "return this.#free.pop() ?? new ClientSession(this.#newClientId());",
    replace: "return (this.#shared ??= new ClientSession(this.#newClientId()));",
    also: [
      {
        file: "packages/kv/src/client/session-pool.ts",
        find: "  #inUse = 0;\n",
        replace: "  #inUse = 0;\n  #shared: ClientSession | null = null;\n",
      },
    ],
  },
  {
    id: "kv/retry-without-pause",
    bug: "asks servers that cannot answer again and again without a pause",
    like: ["L3"],
    file: RETRY,
    find: "        await this.#call.sleep(this.#backoff.nextMs());\n",
    replace: "",
  },
  {
    id: "kv/ping-pong",
    bug: "goes back and forth between two servers that take each other for the leader",
    file: WALK,
    find: "if (detour !== null && detour !== failed && !this.#isOnDetour) {",
    replace: "if (detour !== null && detour !== failed) {",
  },
  {
    id: "kv/stranger-trusted",
    bug: "follows a server's hint to any address",
    like: ["S16"],
    file: "packages/kv/src/client/leader-finder.ts",
    find: "return this.#byPlainAddress.get(plain(hint)) ?? null;",
    replace: "return hint;",
  },
  {
    id: "kv/listener-leaks",
    bug: "leaves a listener with the caller's signal for each call",
    like: ["L17"],
    file: "packages/kv/src/client/call-scope.ts",
    find: '    this.#callerSignal?.removeEventListener("abort", this.#onCallerAbort);\n',
    replace: "",
  },
  {
    id: "kv/maybe-done-is-wrong-leader",
    bug: "answers ErrWrongLeader, so surely not done, for a command that may be done",
    file: ANSWERS,
    find: 'if (error instanceof OutcomeUnknownError) return response("ErrTimeout");',
    replace: 'if (error instanceof OutcomeUnknownError) return response("ErrWrongLeader");',
  },
  {
    id: "kv/failure-is-an-answer",
    bug: "answers ErrTimeout when the server has failed",
    like: ["S11"],
    file: ANSWERS,
    find: "if (error instanceof RaftError) throw statusError(error);",
    replace: 'if (error instanceof RaftError) return response("ErrTimeout");',
  },
  {
    id: "kv/no-time-limit",
    bug: "lets a command wait for as long as it takes",
    file: "packages/kv/src/server/time-limits.ts",
    find: "      wait.stop();\n",
    replace: "      this.#waits.delete(wait);\n",
  },
  {
    id: "kv/time-limits-end-with-one",
    bug: "looks after no call any more as soon as one is answered",
    file: "packages/kv/src/server/time-limits.ts",
    find: "    if (this.#waits.first !== null) return;\n",
    replace: "",
  },
  {
    id: "kv/left-leads-on",
    bug: "lets a call that was answered lead to the next one: one that is old garbage keeps all that come after it",
    file: "packages/kv/src/server/waiting-list.ts",
    find: "    wait.after = null;\n",
    replace: "",
  },
  {
    id: "kv/last-left-is-last",
    bug: "puts those who wait behind one that has left",
    file: "packages/kv/src/server/waiting-list.ts",
    find: "    else this.#last = before;\n",
    replace: "",
  },
  {
    id: "kv/stranger-takes-the-first-along",
    bug: "loses all who wait when one leaves that was not among them",
    file: "packages/kv/src/server/waiting-list.ts",
    find: "    else if (this.#first === wait) this.#first = after;\n    else return;\n",
    replace: "    else this.#first = after;\n",
  },
  {
    id: "kv/refusal-is-ok",
    bug: "answers OK to a command that the state machine refused",
    like: ["S14"],
    file: ANSWERS,
    find: "      throw new ConnectError(faultMessage(result.reason), Code.FailedPrecondition);\n",
    replace: '      return response("OK");\n',
  },
  {
    id: "kv/busy-is-unavailable",
    bug: "tells callers of a server with too much to do to ask another one",
    file: ANSWERS,
    find: "new ConnectError(new BusyError().message, Code.ResourceExhausted)",
    replace: "new ConnectError(new BusyError().message, Code.Unavailable)",
  },
  {
    id: "kv/anything-is-utf8",
    bug: "takes any bytes for text where the platform has no check of its own",
    file: BYTES,
    find: "    STRICT.decode(bytes);\n    return true;\n  } catch {\n    return false;\n",
    replace: "    STRICT.decode(bytes);\n    return true;\n  } catch {\n    return true;\n",
  },
];
