import { GoNode, type GoPacket, type GoPanic } from "../../src/go-peer/index.ts";
import { Agenda } from "../../src/agenda.ts";
import { Random } from "../../src/random.ts";
import { CoreChecks, fingerprint } from "./checks.ts";
import { CoreNode, TICK_MS } from "./core-node.ts";
import { commandOf, Machine } from "./machine.ts";

export interface ClusterOptions {
  /** One letter for each server: T for one of ours, G for a Go node. */
  readonly mix: string;
  readonly seed: number;
  /** Go nodes may lose their state file in a crash. */
  readonly amnesia: boolean;
}

export interface GoMember {
  readonly id: number;
  readonly kind: "go";
  readonly node: GoNode;
  readonly machine: Machine;
  seenCommit: number;
  /** The last panic that was noticed. */
  panic: GoPanic | null;
}

export interface CoreMember {
  readonly id: number;
  readonly kind: "core";
  readonly node: CoreNode;
  readonly checks: CoreChecks;
}

export type Member = GoMember | CoreMember;

/** Servers of both kinds on one virtual network and one virtual clock, all from one seed. */
export class Cluster {
  readonly members: readonly Member[];
  readonly panics: string[] = [];
  /** Who led in which term, Go nodes included. */
  readonly leaders = new Map<number, Set<number>>();
  /** What anybody committed, by index. */
  readonly committed = new Map<number, Set<string>>();
  amnesias = 0;
  faulty = true;
  nowMs = 0;
  readonly #options: ClusterOptions;
  readonly #agenda = new Agenda<() => void>();
  readonly #network: Random;
  readonly #disk: Random;
  readonly #workload: Random;
  readonly #faults: Random;
  readonly #cuts = new Set<string>();
  readonly #loss: number;
  readonly #duplication: number;
  readonly #delayMs: number;
  #commands = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { mix, seed } = options;
    this.#network = new Random(seed, "network");
    this.#disk = new Random(seed, "disk");
    this.#workload = new Random(seed, "workload");
    this.#faults = new Random(seed, "faults");
    this.#loss = this.#network.pick([0, 0.02, 0.1, 0.25]);
    this.#duplication = this.#network.pick([0, 0.05, 0.3]);
    this.#delayMs = this.#network.pick([2, 10, 40]);
    this.members = Array.from(mix, (letter, id) => (letter === "G" ? this.#go(id) : this.#core(id)));
    for (const member of this.members) this.#start(member);
  }

  /** Lets virtual time pass. */
  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    let next = this.#agenda.next();
    for (; next !== undefined && next.at <= untilMs; next = this.#agenda.next()) {
      this.nowMs = next.at;
      next.what();
    }
    if (next !== undefined) this.#agenda.add(next.at, next.what);
    this.nowMs = untilMs;
  }

  /** Crashes, partitions and commands at random for as long as `faulty`. */
  disturb(): void {
    this.#every(150, 400, () => this.propose());
    this.#every(200, 900, () => this.#disturbOnce());
  }

  /** No faults from now on. */
  heal(): void {
    this.faulty = false;
    this.reconnect();
    for (const member of this.members) this.#start(member);
  }

  /** A command for some server that believes to lead. */
  propose(): void {
    const leaders = this.members.filter(isLeader);
    if (leaders.length === 0) return;
    this.#commands += 1;
    const member = this.#workload.pick(leaders);
    member.node.propose(commandOf(`command ${this.#commands}`));
    this.#after(member);
    if (this.#workload.chance(0.1)) this.#compact(this.#workload.pick(this.members));
  }

  /** Cuts one server off. */
  isolate(id: number): void {
    for (const { id: other } of this.members) this.#cuts.add(`${id}>${other}`).add(`${other}>${id}`);
  }

  /** Mends all that is cut. */
  reconnect(): void {
    this.#cuts.clear();
  }

  #go(id: number): GoMember {
    const machine = new Machine();
    const { mix, seed } = this.#options;
    const node = new GoNode({ id, size: mix.length, seed: seed * 10 + id, service: machine });
    return { id, kind: "go", node, machine, seenCommit: 0, panic: null };
  }

  #core(id: number): CoreMember {
    const { mix, seed } = this.#options;
    const checks = new CoreChecks(id, mix.length);
    const node = new CoreNode({
      id,
      size: mix.length,
      seed: seed * 10 + id,
      send: (packet) => this.#send(packet),
      later: (kind, what) => this.#in(kind === "disk" ? this.#diskMs() : 200, what),
      observe: (ready, state) => {
        checks.observe(ready, state);
        if (state.role === "leader") this.#led(state.term, id);
        for (const entry of ready.committed) this.#wasCommitted(entry.index, fingerprint(entry));
      },
    });
    const tick = (): void => {
      node.tick();
      this.#in(TICK_MS, tick);
    };
    this.#in(this.#network.between(0, TICK_MS), tick);
    return { id, kind: "core", node, checks };
  }

  #start(member: Member): void {
    if (member.node.isRunning) return;
    if (member.kind === "core") {
      member.node.start();
    } else {
      member.seenCommit = 0;
      member.node.start(this.nowMs);
      this.#after(member);
    }
  }

  #crash(member: Member): void {
    if (!member.node.isRunning) return;
    if (member.kind === "core") {
      member.node.crash(this.#disk.chance(0.5));
      member.checks.crashed(this.#options.amnesia);
    } else {
      const forgets = this.#options.amnesia && this.#faults.chance(0.5);
      if (forgets) this.amnesias += 1;
      member.node.crash(forgets ? "emptied" : "none");
    }
    this.#in(this.#faults.between(50, 2500), () => this.#start(member));
  }

  #disturbOnce(): void {
    const random = this.#faults;
    const member = random.pick(this.members);
    switch (random.integer(0, 4)) {
      case 0:
        return this.#crash(member);
      case 1:
        return this.reconnect();
      case 2:
        return this.isolate(member.id);
      case 3:
        this.#cuts.add(`${member.id}>${random.pick(this.members).id}`);
        return;
      default:
        this.#compact(member);
    }
  }

  #compact(member: Member): void {
    if (member.kind === "core") return member.node.compact();
    const state = member.node.inspect();
    if (state === null || state.lastApplied === 0) return;
    member.node.compact(state.lastApplied, member.machine.snapshot(state.lastApplied));
  }

  #send(packet: GoPacket): void {
    const { from, to } = packet.message;
    const random = this.#network;
    const copies = this.faulty && random.chance(this.#duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#cuts.has(`${from}>${to}`) || (this.faulty && random.chance(this.#loss))) continue;
      const slow = this.faulty && random.chance(0.02) ? 20 : 1;
      const delayMs = 0.2 + random.exponential((this.faulty ? this.#delayMs : 2) * slow);
      this.#in(delayMs, () => this.#deliver(packet));
    }
  }

  #deliver({ message, snapshot }: GoPacket): void {
    const member = this.members[message.to];
    if (member === undefined) return;
    if (member.kind === "go") {
      member.node.advanceTo(this.nowMs);
      this.#after(member);
    }
    member.node.receive(message, snapshot);
    this.#after(member);
  }

  /** Collects what a Go node has to say, and comes back when it has something to do. */
  #after(member: Member): void {
    if (member.kind === "core") return;
    const { node, id } = member;
    for (const packet of node.drain()) this.#send(packet);
    const state = node.inspect();
    if (state === null) {
      if (node.panic !== null && node.panic !== member.panic) this.#panicked(member, node.panic);
      return;
    }
    if (state.role === "Leader") this.#led(state.term, id);
    for (const entry of state.log) {
      if (entry.index <= member.seenCommit || entry.index > state.commitIndex || entry.command === null)
        continue;
      this.#wasCommitted(entry.index, fingerprint(entry));
    }
    member.seenCommit = state.commitIndex;
    const { nextEventMs } = node;
    if (nextEventMs === null) return;
    this.#agenda.add(Math.max(nextEventMs, this.nowMs), () => {
      if (node.nextEventMs !== nextEventMs) return;
      node.advanceTo(this.nowMs);
      this.#after(member);
    });
  }

  #panicked(member: GoMember, panic: GoPanic): void {
    member.panic = panic;
    this.panics.push(`server ${member.id}: ${panic.message}`);
    this.#in(1000, () => this.#start(member));
  }

  #led(term: number, id: number): void {
    const leaders = this.leaders.get(term) ?? new Set();
    this.leaders.set(term, leaders.add(id));
  }

  #wasCommitted(index: number, print: string): void {
    const prints = this.committed.get(index) ?? new Set();
    this.committed.set(index, prints.add(print));
  }

  #every(minMs: number, maxMs: number, what: () => void): void {
    this.#in(this.#workload.between(minMs, maxMs), () => {
      if (!this.faulty) return;
      what();
      this.#every(minMs, maxMs, what);
    });
  }

  #diskMs(): number {
    return this.#disk.exponential(this.faulty && this.#disk.chance(0.05) ? 100 : 3);
  }

  #in(ms: number, what: () => void): void {
    this.#agenda.add(this.nowMs + ms, what);
  }
}

export function isLeader(member: Member): boolean {
  const role = member.kind === "core" ? member.node.inspect()?.role : member.node.inspect()?.role;
  return role === "leader" || role === "Leader";
}

/** The entries that a server's log holds after its snapshot, and where they begin. */
export function logOf(member: Member): { base: number; prints: string[]; commitIndex: number } | null {
  if (member.kind === "core") {
    const state = member.node.inspect();
    if (state === null) return null;
    const { snapshot, entries } = member.node.stored;
    return {
      base: snapshot?.meta.lastIncludedIndex ?? 0,
      prints: entries.map(fingerprint),
      commitIndex: state.commitIndex,
    };
  }
  const state = member.node.inspect();
  if (state === null) return null;
  const [dummy, ...entries] = state.log;
  return { base: dummy?.index ?? 0, prints: entries.map(fingerprint), commitIndex: state.commitIndex };
}
