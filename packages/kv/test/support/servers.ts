import { isDeepStrictEqual } from "node:util";
import {
  KvStateMachine,
  type Operation,
  type Serial,
  type Write,
  type WriteResult,
  encodeOpenSession,
} from "@eraft/kv";
import { Log, snapshotOf } from "./commands.ts";
import { resultsOf, write } from "./writes.ts";

/** A log, a server that applies it, and one that comes from a snapshot before each step. */
export class Servers {
  readonly log: Log = new Log();
  readonly machine: KvStateMachine;
  readonly #options: ConstructorParameters<typeof KvStateMachine>[0];

  constructor(options: ConstructorParameters<typeof KvStateMachine>[0] = {}) {
    this.#options = options;
    this.machine = new KvStateMachine(options);
  }

  async open(): Promise<number> {
    const [result] = await this.log.apply(this.machine, encodeOpenSession());
    if (result?.status !== "sessionOpened") throw new Error("no session");
    if (result.sessionId !== this.log.entries.length)
      throw new Error("a session is not named after its entry");
    return result.sessionId;
  }

  /** Does it on both, which have to agree. */
  async write(serial: Serial, what: Write | readonly Operation[]): Promise<WriteResult | undefined> {
    const other = new KvStateMachine(this.#options);
    await other.restore(this.machine.snapshot(), this.log.entries.length);
    const results = await this.log.apply(this.machine, write(what, serial));
    const others = await other.apply(this.log.entries.slice(-1));
    const states = [await snapshotOf(other), await snapshotOf(this.machine)];
    if (!isDeepStrictEqual(others, results) || !isDeepStrictEqual(states[0], states[1])) {
      throw new Error("a server that came from a snapshot does not do the same");
    }
    return resultsOf(results[0])[0];
  }
}
