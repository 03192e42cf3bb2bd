import { setTimeout } from "node:timers/promises";
import type { Say, Shell } from "./shell.ts";

/** What came of counting with three servers. */
export interface Counted {
  /** Increments that were answered, and those that were sent: one whose answer got lost may have been done. */
  readonly acknowledged: number;
  readonly sent: number;
  /** What each of the three says in the end. */
  readonly values: readonly number[];
}

/** Throws unless every acknowledged increment is counted once, and nothing that nobody sent, by all three alike. */
export function check({ acknowledged, sent, values }: Counted): void {
  const [value = NaN] = values;
  if (values.every((each) => each === value) && value >= acknowledged && value <= sent) return;
  throw new Error(
    `${acknowledged} of ${sent} increments were answered, but the servers say ${values.join(", ")}`,
  );
}

const PATIENCE_MS = 30_000;

/** Starts the servers, counts, kills the leader with -9, counts on, starts it again, and asks everybody. */
export async function count(shell: Shell, ports: readonly number[], say: Say): Promise<Counted> {
  const user = new User(ports, say);
  const servers = await Promise.all(ports.map((_, id) => shell.start(`node server.js ${id}`)));
  for (const at of [0, 1, 2, 0, 1, 2]) await user.increment(at);
  const leader = user.lastAnswerFrom;
  const victim = servers[leader];
  if (victim === undefined) throw new Error("the last answer came from none of the servers");
  say(`$ kill -9 ${victim.pid}     # server ${leader}, which leads`);
  await shell.kill(victim);
  const others = [0, 1, 2].filter((id) => id !== leader);
  for (const at of [...others, ...others]) await user.increment(at);
  await shell.start(`node server.js ${leader}`);
  const values = [];
  for (const at of [0, 1, 2]) values.push(await user.read(at));
  await shell.killAll();
  return { acknowledged: user.acknowledged, sent: user.sent, values };
}

/** Somebody with curl. */
class User {
  acknowledged = 0;
  sent = 0;
  /** The id of the server that did the last increment. */
  lastAnswerFrom = 0;
  readonly #ports: readonly number[];
  readonly #say: Say;

  constructor(ports: readonly number[], say: Say) {
    this.#ports = ports;
    this.#say = say;
  }

  async increment(at: number): Promise<void> {
    const { value, port } = await this.#call(at, "POST", () => (this.sent += 1));
    this.acknowledged += 1;
    this.lastAnswerFrom = this.#ports.indexOf(port);
    this.#say(String(value));
  }

  async read(at: number): Promise<number> {
    const { value } = await this.#call(at, "GET", () => {});
    this.#say(String(value));
    return value;
  }

  /** Repeats the call until it is answered, as a person would while there is no leader. */
  async #call(
    at: number,
    method: "GET" | "POST",
    count: () => void,
  ): Promise<{ readonly value: number; readonly port: number }> {
    const port = this.#ports[at];
    this.#say(`$ curl -L ${method === "POST" ? "-X POST " : ""}127.0.0.1:${port}`);
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      count();
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method }).catch((error: unknown) => error);
      if (answer instanceof Response && answer.ok) {
        return { value: Number(await answer.text()), port: Number(new URL(answer.url).port) };
      }
      const why = answer instanceof Response ? (await answer.text()).trim() : "the leader does not answer";
      if (performance.now() > deadline) throw new Error(`no answer from ${port}: ${why}`);
      await setTimeout(100);
    }
  }
}
