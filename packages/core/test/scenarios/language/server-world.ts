import { InvariantError, type Message, type NodeId, type RequestId } from "@eraft/core";
import { Solo } from "../../harness/solo.ts";
import { optionsOf } from "./cluster-world.ts";
import { isResponse, parseMessage, printMessage } from "./messages.ts";
import { printAlert, printFollowers, printMembersOf, printOutcome, printServer } from "./print.ts";
import { parseChanges, parseConsistency, parseTarget } from "./requests.ts";
import type { Words } from "./words.ts";
import { Changes, type World } from "./world.ts";

/** `server <servers> [option=value ...] [log <term> ...]`: server 0 alone; the script plays the others and sees all that it sends. */
export class ServerWorld implements World {
  readonly #solo: Solo;
  readonly #changes = new Changes();
  readonly #names = new Map<RequestId, string>();
  /** The number of the last request to each server: what its next answer answers. */
  readonly #asked = new Map<NodeId, number>();
  #lines: string[] = [];
  #isStopped = false;

  constructor(words: Words) {
    this.#solo = soloOf(words);
    this.#takeDown();
  }

  readonly commands: World["commands"] = {
    tick: (words) => this.#do(() => this.#solo.tick(words.isEmpty ? 1 : words.count("a number of ticks"))),
    campaign: () => this.#do(() => this.#solo.campaign()),
    lead: () => this.#do(() => void this.#solo.lead()),
    receive: (words) => this.#do(() => this.#receive(words)),
    propose: (words) => {
      const name = words.word("a command");
      this.#do(() => this.#solo.propose(name, this.#named(name)));
    },
    read: (words) =>
      this.#request(words, (id) =>
        this.#solo.step({ type: "read", id, consistency: parseConsistency(words) }),
      ),
    change: (words) =>
      this.#request(words, (id) => {
        const { changes, expectedIndex } = parseChanges(words);
        this.#solo.change(changes, expectedIndex, id);
      }),
    transfer: (words) => this.#request(words, (id) => this.#solo.transfer(parseTarget(words), id)),
    clock: (words) => this.#do(() => this.#solo.step({ type: "time", now: words.count("a time") })),
    identified: (words) => {
      const peer = words.count("a server");
      const incarnation = words.word("the name of a disk");
      this.#do(() => this.#solo.step({ type: "identified", peer, incarnation }));
    },
    disconnected: (words) =>
      this.#do(() => this.#solo.step({ type: "disconnected", peer: words.count("a server") })),
    unreachable: (words) =>
      this.#do(() => this.#solo.step({ type: "unreachable", peer: words.count("a server") })),
    "snapshot-sent": (words) => this.#do(() => this.#snapshotSent(words)),
    "stall-disk": () => void (this.#solo.stalled = true),
    "resume-disk": () => this.#do(() => this.#solo.resume()),
    write: () => this.#do(() => this.#solo.node.finishDisk()),
    apply: () => this.#do(() => this.#solo.node.finishApply()),
    crash: (words) => this.#solo.node.crash(words.take("keeping") ? words.count("a number of writes") : 0),
    restart: () => this.#restart(),
    compact: () => this.#do(() => this.#solo.node.compact()),
    members: () => void this.#lines.push(...printMembersOf(this.#solo.state)),
    followers: () => void this.#lines.push(...printFollowers(this.#solo.state)),
    // Of what was sent so far nothing is shown.
    quietly: () => void (this.#lines = []),
  };

  look(): string[] {
    const state = this.#isStopped ? [] : this.#changes.of([["0", printServer(this.#solo.node)]]);
    return [...this.#lines.splice(0), ...state];
  }

  /** Does something and takes down what comes of it. That the server stops is something to see, not a mistake. */
  #do(action: () => void): void {
    if (this.#isStopped) throw new Error("the server has stopped");
    try {
      action();
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.#isStopped = true;
      this.#lines.push(`0 stops: ${error.message}`);
    }
    this.#takeDown();
  }

  #takeDown(): void {
    this.#note(this.#solo.sent());
    for (const outcome of this.#solo.outcomes.splice(0)) {
      this.#lines.push(printOutcome(this.#names.get(outcome.id) ?? "?", outcome));
    }
    for (const alert of this.#solo.alerts.splice(0)) this.#lines.push(printAlert(alert));
  }

  #note(sent: readonly Message[]): void {
    for (const message of sent) {
      if (!isResponse(message)) this.#asked.set(message.to, message.sequence);
      this.#lines.push(printMessage(message));
    }
  }

  #receive(words: Words): void {
    const message = parseMessage(words, (parsed: Message) =>
      isResponse(parsed) ? (this.#asked.get(parsed.from) ?? 1) : 1,
    );
    this.#note(this.#solo.receive(message));
  }

  #snapshotSent(words: Words): void {
    const to = words.count("a server");
    const { snapshot } = this.#solo.state;
    this.#solo.step({ type: "snapshotSent", to, snapshot: words.take("failed") ? null : snapshot });
  }

  #request(words: Words, make: (id: RequestId) => void): void {
    const id = this.#named(words.word("a name for the request"));
    this.#do(() => make(id));
  }

  #named(name: string): RequestId {
    const id = this.#names.size + 1;
    this.#names.set(id, name);
    return id;
  }

  #restart(): void {
    this.#isStopped = false;
    this.#do(() => {
      this.#solo.node.start();
      this.#solo.settle();
    });
  }
}

function soloOf(words: Words): Solo {
  const size = words.count("a number of servers");
  const config = optionsOf(words);
  const snapshot = words.take("snapshot") ? position(words) : null;
  const log = words.take("log") ? words.takeAll(/^\d+$/).map(Number) : [];
  const last = log.at(-1) ?? snapshot?.[1] ?? 0;
  const term = words.take("term") ? words.count("a term") : last;
  return new Solo({ size, config, log, term, ...(snapshot === null ? {} : { snapshot }) });
}

function position(words: Words): [index: number, term: number] {
  return [words.count("lastIncludedIndex"), words.count("lastIncludedTerm")];
}
