import type { NodeId, RaftConfig, RequestId } from "@eraft/core";
import { parseEntries } from "./entries.ts";
import { filterOf, printMessage } from "./messages.ts";
import { printDisk, printFollowers, printMembersOf, printServer } from "./print.ts";
import { parseChanges, parseConsistency, parseTarget } from "./requests.ts";
import { Stage } from "./stage.ts";
import { type Words, toCount } from "./words.ts";
import { Changes, type World } from "./world.ts";

const ENTRY = /^\d+(:.*)?$/;

/** `cluster <servers> [founders n] [option=value ...]`: real servers, modelled disks and network; the commands are explained in the README. */
export class ClusterWorld implements World {
  readonly #stage: Stage;
  readonly #changes = new Changes();
  readonly #stalled = new Map<NodeId, () => void>();
  #releases: (() => void)[] = [];

  constructor(words: Words) {
    const size = words.count("a number of servers");
    const founders = words.take("founders") ? words.count("a number of founders") : size;
    this.#stage = new Stage(size, optionsOf(words), founders);
  }

  readonly commands: World["commands"] = {
    // --- time
    tick: (words) => this.#stage.tick(this.#id(words), words.isEmpty ? 1 : words.count("a number of ticks")),
    run: (words) => this.#run(words),
    clocks: (words) => this.#clocks(words.count("a time")),
    campaign: (words) => this.#stage.campaign(this.#id(words)),
    elect: (words) => this.#stage.elect(this.#id(words)),
    // --- clients
    propose: (words) => void this.#stage.propose(this.#id(words), words.word("a command")),
    read: (words) => this.#request(words, (id) => this.#stage.read(id, parseConsistency(words))),
    // --- operators
    change: (words) =>
      this.#request(words, (id) => {
        const { changes, expectedIndex } = parseChanges(words);
        return this.#stage.change(id, changes, expectedIndex);
      }),
    transfer: (words) => this.#request(words, (id) => this.#stage.transfer(id, parseTarget(words))),
    // --- network
    settle: () => this.#stage.settle(),
    deliver: (words) => this.#stage.deliverNow(filterOf(words.rest())),
    drop: (words) => this.#stage.network.drop(filterOf(words.rest())),
    duplicate: (words) => this.#stage.network.duplicate(filterOf(words.rest())),
    hold: (words) => void this.#releases.push(this.#stage.hold(filterOf(words.rest()))),
    release: () => {
      for (const release of this.#releases.splice(0)) release();
    },
    block: (words) => void this.#stage.block(filterOf(words.rest())),
    isolate: (words) => void this.#stage.isolate(...words.counts("a server")),
    heal: () => this.#stage.network.heal(),
    disconnected: (words) => this.#disconnected(words),
    // --- servers and disks
    store: (words) => this.#store(words),
    crash: (words) =>
      this.#stage.crash(this.#id(words), words.take("keeping") ? words.count("a number of writes") : 0),
    restart: (words) => this.#stage.restart(this.#id(words)),
    compact: (words) => this.#stage.compact(this.#id(words)),
    wipe: (words) => this.#stage.wipe(this.#id(words)),
    identified: (words) =>
      this.#stage.identify(this.#id(words), words.count("a server"), words.word("the name of a disk")),
    "stall-disk": (words) => this.#stall(this.#id(words)),
    "resume-disk": (words) => this.#resume(this.#id(words)),
    write: (words) => this.#stage.node(this.#id(words)).finishDisk(),
    apply: (words) => this.#stage.node(this.#id(words)).finishApply(),
    // --- looking
    trace: () => void (this.#stage.isTracing = true),
    "trace-off": () => void (this.#stage.isTracing = false),
    show: (words) => this.#show(words),
  };

  look(): string[] {
    const { nodes } = this.#stage;
    return [
      ...this.#stage.lines.splice(0),
      ...this.#changes.of(nodes.map((node) => [`${node.id}`, printServer(node)])),
    ];
  }

  #id(words: Words): NodeId {
    const id = words.count("a server");
    this.#stage.node(id);
    return id;
  }

  #request(words: Words, make: (id: NodeId) => RequestId): void {
    const id = this.#id(words);
    this.#stage.request(words.word("a name for the request"), () => make(id));
  }

  #clocks(now: number): void {
    for (const node of this.#stage.nodes) node.step({ type: "time", now });
  }

  /** All others, or those that are named, see that the connections of `peer` are broken. */
  #disconnected(words: Words): void {
    const peer = this.#id(words);
    const others = this.#stage.ids.filter((id) => id !== peer);
    for (const id of words.take("on") ? words.counts("a server") : others)
      this.#stage.node(id).step({ type: "disconnected", peer });
  }

  #run(words: Words): void {
    const ticks = words.count("a number of ticks");
    this.#stage.run(ticks, words.take("on") ? words.counts("a server") : undefined);
  }

  #store(words: Words): void {
    const id = this.#id(words);
    if (!words.take("log")) throw new Error("`log` is expected, and entries");
    const entries = parseEntries(words.takeAll(ENTRY));
    const term = words.take("term") ? words.count("a term") : (entries.at(-1)?.term ?? 0);
    this.#stage.crash(id);
    const { disk } = this.#stage.node(id);
    disk.entries = entries;
    disk.hardState = { term, votedFor: null };
    this.#stage.restart(id);
  }

  #stall(id: NodeId): void {
    if (this.#stalled.has(id)) throw new Error(`the disk of ${id} is stalled already`);
    this.#stalled.set(id, this.#stage.stallDisk(id));
  }

  #resume(id: NodeId): void {
    const resume = this.#stalled.get(id);
    if (resume === undefined) throw new Error(`the disk of ${id} is not stalled`);
    this.#stalled.delete(id);
    resume();
  }

  #show(words: Words): void {
    const { lines, network } = this.#stage;
    const what = words.isEmpty ? "servers" : words.word("what to show");
    switch (what) {
      case "servers":
        return this.#changes.forget();
      case "messages":
        return void lines.push(
          ...network.parcels.map(({ message }) => `on its way: ${printMessage(message)}`),
        );
      case "followers":
        return void lines.push(...printFollowers(this.#stage.state(this.#id(words))));
      case "members":
        return void lines.push(...printMembersOf(this.#stage.state(this.#id(words))));
      case "disk": {
        const { id, disk } = this.#stage.node(this.#id(words));
        const { term, votedFor } = disk.hardState;
        const busy = disk.isBusy ? ["busy"] : [];
        const parts = [`term ${term} vote ${votedFor ?? "-"}`, ...printDisk(disk, disk.lastIndex), ...busy];
        return void lines.push(`disk of ${id}: ${parts.join("  ")}`);
      }
      default:
        throw new Error(`servers, messages, followers, members or disk can be shown, not "${what}"`);
    }
  }
}

const COUNTS: readonly string[] = [
  "maxAppendBytes",
  "maxInflightAppends",
  "maxInflightBytes",
  "maxUncommittedBytes",
  "retainedBytes",
  "leaseDuration",
] satisfies (keyof RaftConfig)[];

const SWITCHES: readonly string[] = ["preVote"] satisfies (keyof RaftConfig)[];

export function optionsOf(words: Words): Partial<RaftConfig> {
  const options: Record<string, number | boolean> = {};
  for (const word of words.takeAll(/=/)) {
    const [name = "", value = ""] = word.split("=");
    if (SWITCHES.includes(name)) options[name] = toSwitch(value);
    else if (COUNTS.includes(name)) options[name] = toCount(value, `a value for ${name}`);
    else throw new Error(`there is no option "${name}"; there are ${[...COUNTS, ...SWITCHES].join(", ")}`);
  }
  return options;
}

function toSwitch(value: string): boolean {
  if (value !== "on" && value !== "off") throw new Error(`on or off is expected, not "${value}"`);
  return value === "on";
}
