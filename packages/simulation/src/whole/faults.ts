import type { NodeId } from "@eraft/core";
import type { Network } from "../network.ts";
import type { DurableDisk } from "./durable-disk.ts";
import type { Server } from "./server.ts";
import type { Survey } from "./survey.ts";
import type { World } from "./world.ts";

/** What goes wrong over time with processes, disks and links. */
export class WholeFaults {
  readonly #world: World;
  readonly #servers: readonly Server[];
  readonly #network: Network;
  readonly #ids: readonly NodeId[];
  readonly #survey: Survey;

  constructor(world: World, servers: readonly Server[], network: Network, survey: Survey) {
    this.#world = world;
    this.#servers = servers;
    this.#network = network;
    this.#survey = survey;
    this.#ids = servers.map(({ id }) => id);
  }

  begin(): void {
    const { network, process, disk, members } = this.#world.plan;
    this.#repeatedly(network.partitionEveryMs, () => this.#partition());
    this.#repeatedly(network.clogEveryMs, () => {
      const { now } = this.#world.timeline;
      this.#network.clog(this.#ids, now + this.#world.random.process.exponential(network.clogForMs));
    });
    this.#repeatedly(process.crashEveryMs, () => this.#crash());
    this.#repeatedly(process.stopEveryMs, () => this.#anyServer().restart());
    this.#repeatedly(process.pauseEveryMs, () => this.#pause());
    this.#repeatedly(disk.failEveryMs, () => {
      this.#anyServer().disk.failsAfter = this.#world.random.process.integer(0, 4);
    });
    this.#repeatedly(disk.fullEveryMs, () => this.#fill());
    this.#repeatedly(disk.slowEveryMs, () => this.#slowDown());
    this.#repeatedly(disk.hangEveryMs, () => this.#hang());
    if (disk.flipBits) this.#later(5000, () => this.#flipBit());
    if (disk.wipe) this.#later(5000, () => this.#wipe());
    if (members.identifies) this.#repeatedly(disk.replaceEveryMs, () => this.#replace());
  }

  /** Ends everything that can end, and starts every server that can start. */
  heal(): void {
    const { plan } = this.#world;
    this.#world.isFaulty = false;
    this.#network.heal(plan.node.electionTimeoutMs / 20);
    for (const server of this.#servers) {
      restore(server.disk);
      server.disk.hangsUntil = 0;
      server.life?.resume();
      server.life?.steadyClock();
      if (server.disk.isDamaged) server.crash(0);
      if (server.isKnown) server.start();
    }
  }

  /** Sometimes twice: what makes a server crash may well do so again when it has just been started. */
  #crash(): void {
    const { random, plan } = this.#world;
    const server = this.#victim();
    const downMs = random.process.exponential(plan.process.downForMs);
    server.crash(downMs);
    if (!random.process.chance(0.3)) return;
    this.#world.timeline.after(downMs + random.process.exponential(2), "crash again", () => {
      if (this.#world.isFaulty) server.crash(random.process.exponential(plan.process.downForMs));
    });
  }

  #partition(): void {
    this.#later(this.#world.plan.network.partitionForMs, this.#network.partition(this.#ids));
  }

  #pause(): void {
    const { life } = this.#anyServer();
    if (life === null) return;
    this.#world.coverage.hit("paused");
    life.pause(this.#world.random.process.exponential(this.#world.plan.process.pauseForMs));
  }

  #fill(): void {
    const { disk } = this.#anyServer();
    this.#world.coverage.hit("diskFull");
    disk.isFull = true;
    this.#later(this.#world.plan.disk.fullForMs, () => {
      disk.isFull = false;
    });
  }

  #slowDown(): void {
    const { disk } = this.#anyServer();
    this.#world.coverage.hit("diskSlow");
    disk.isSlow = true;
    this.#later(this.#world.plan.disk.slowForMs, () => {
      disk.isSlow = false;
    });
  }

  #hang(): void {
    const { disk } = this.#anyServer();
    const { random, plan, timeline, coverage } = this.#world;
    coverage.hit("diskHung");
    disk.hangsUntil = timeline.now + random.process.exponential(plan.disk.hangForMs);
  }

  #flipBit(): void {
    const server = this.#anyServer();
    if (server.phase === "gone" || !this.#survey.canLose(server.id)) return;
    this.#world.coverage.hit("bitFlipped");
    server.disk.isDamaged = true;
    this.#later(2000, () => server.crash(0));
  }

  /** A server whose disk is lost is not that server any more: it must not come back under the same name. */
  #wipe(): void {
    const server = this.#anyServer();
    if (server.phase === "gone" || server.disk.isDamaged || !this.#survey.canLose(server.id)) return;
    this.#world.coverage.hit("diskWiped");
    server.wipe();
  }

  #replace(): void {
    const { random, plan } = this.#world;
    const server = this.#anyServer();
    if (!this.#survey.canReplaceDisk(server)) return;
    server.replaceDisk(random.process.exponential(plan.process.downForMs));
  }

  /** Whom a crash hits: often somebody in the middle of something that seldom takes long. */
  #victim(): Server {
    const delicate = this.#servers.filter(({ disk, phase }) => disk.isStaging || phase === "starting");
    const { process } = this.#world.random;
    return delicate.length > 0 && process.chance(0.5) ? process.pick(delicate) : this.#anyServer();
  }

  #anyServer(): Server {
    return this.#world.random.process.pick(this.#servers.filter(({ isKnown }) => isKnown));
  }

  #later(meanMs: number, fault: () => void): void {
    const { random, timeline } = this.#world;
    timeline.after(random.process.exponential(meanMs), "fault", () => {
      if (this.#world.isFaulty) fault();
    });
  }

  #repeatedly(everyMs: number, fault: () => void): void {
    if (!Number.isFinite(everyMs)) return;
    this.#later(everyMs, () => {
      fault();
      this.#repeatedly(everyMs, fault);
    });
  }
}

function restore(disk: DurableDisk): void {
  disk.isFull = false;
  disk.isSlow = false;
  disk.failsAfter = null;
}
