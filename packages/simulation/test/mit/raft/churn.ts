import { ELECTION_MS, type NetworkKind, type Scenario } from "../../../src/scenario/index.ts";
import { mustHold } from "../../../src/violation.ts";
import { type MitScenario, raftScenario, range } from "../mit-scenario.ts";

/** Three clients keep proposing while servers come and go. Whatever was seen committed must be in the log in the end. */
function churn(name: string, network: NetworkKind): MitScenario {
  return raftScenario(name, { nodes: 5, network }, (s) => {
    const clients = range(3).map((client) => new ChurnClient(s, client));
    const poll = (): boolean => {
      for (const client of clients) client.poll();
      return false;
    };
    for (let round = 0; round < 20; round += 1) {
      if (s.random.chance(0.2)) s.disconnect(s.randomNode());
      if (s.random.chance(0.5)) {
        const node = s.randomNode();
        if (!s.isUp(node)) s.restart(node);
        s.connect(node);
      }
      if (s.random.chance(0.2)) {
        const node = s.randomNode();
        if (s.isUp(node)) s.crash(node);
      }
      // Long enough that a restarted server may be elected, short enough that it may not.
      s.runUntil(0.7 * ELECTION_MS, poll);
    }
    s.runUntil(ELECTION_MS, poll);
    s.setNetwork("reliable");
    s.connect(...range(5));
    s.restart(...range(5).filter((node) => !s.isUp(node)));
    s.runUntil(ELECTION_MS, poll);

    s.one(s.newCommand(), 5);
    const log = new Set(s.committedCommands());
    const values = clients.flatMap(({ values }) => values);
    mustHold(values.length > 0, "Churn", () => "nothing was committed in all that time");
    const lost = values.filter((value) => !log.has(value));
    mustHold(lost.length === 0, "Durability", () => `lost commands ${lost.join(", ")}`);
  });
}

/** Proposes to all servers in turn, and waits a while for what a leader took. */
class ChurnClient {
  /** Commands that this client saw committed. */
  readonly values: number[] = [];
  readonly #s: Scenario;
  readonly #pauseMs: number;
  #waiting: { readonly command: number; readonly index: number; looks: number } | null = null;
  #nextMs = 0;

  constructor(s: Scenario, number: number) {
    this.#s = s;
    this.#pauseMs = 79 + 17 * number;
  }

  poll(): void {
    if (this.#s.now < this.#nextMs) return;
    if (this.#waiting === null) this.#call();
    else this.#look(this.#waiting);
  }

  #call(): void {
    const command = this.#s.newCommand();
    let index: number | null = null;
    // All of them: an old leader that does not know it yet takes the command as well.
    for (const node of range(this.#s.size)) index = this.#s.start(node, command)?.index ?? index;
    if (index !== null) this.#waiting = { command, index, looks: 0 };
    this.#sleep(index === null ? this.#pauseMs : (LOOK_AGAIN_MS[0] ?? 0));
  }

  #look(waiting: { readonly command: number; readonly index: number; looks: number }): void {
    const committed = this.#s.committedCommand(waiting.index);
    waiting.looks += 1;
    const again = LOOK_AGAIN_MS[waiting.looks];
    if (committed === undefined && again !== undefined) {
      this.#sleep(again);
      return;
    }
    if (committed === waiting.command) this.values.push(waiting.command);
    this.#waiting = null;
    // The labs' clients go on at once and make thousands of entries in a run; a pause now and then leaves room for other orders of events.
    this.#sleep(this.#s.random.chance(0.5) ? 0 : this.#pauseMs);
  }

  #sleep(ms: number): void {
    this.#nextMs = this.#s.now + ms;
  }
}

/** After how many more milliseconds a client looks again whether its command is committed, until it gives up. */
const LOOK_AGAIN_MS: readonly number[] = [10, 20, 50, 100, 200];

export const CHURN: readonly MitScenario[] = [
  churn("TestReliableChurn2C", "reliable"),
  churn("TestUnreliableChurn2C", "unreliable"),
];
