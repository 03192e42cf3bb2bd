import type { InstallSnapshot, Message, OutgoingSnapshot } from "@eraft/core";
import type { Life } from "./life.ts";
import type { Pipe } from "./pipe.ts";
import type { SimulatedTransport } from "./transport.ts";
import type { Wires } from "./wires.ts";
import type { World } from "./world.ts";

/** A healed cluster is to converge: there, a snapshot is given the time that it needs. */
const HEALED_TIMEOUT_MS = 5000;

/** The far end of a stream: the peer that takes the snapshot, and what has arrived there. */
interface FarEnd {
  readonly transport: SimulatedTransport;
  readonly pipe: Pipe;
}

/**
 * One snapshot on its way to a peer. Pieces arrive in order, or the stream breaks, and each end learns of it in its own time, or, where the
 * other one has crashed or is cut off, from its own clock. The call may time out although the peer installs the snapshot.
 */
export class SnapshotCall {
  readonly #world: World;
  readonly #wires: Wires;
  readonly #transport: SimulatedTransport;
  readonly #sender: Life;
  readonly #header: InstallSnapshot;
  readonly #answer = Promise.withResolvers<void>();
  #far: FarEnd | null = null;
  #isDone = false;
  #timedOut = false;
  #isBroken = false;
  /** When the last piece arrives: no later one may overtake it. */
  #lastArrival = 0;

  constructor(world: World, wires: Wires, sender: SimulatedTransport, header: InstallSnapshot) {
    this.#world = world;
    this.#wires = wires;
    this.#transport = sender;
    this.#sender = sender.life;
    this.#header = header;
    sender.life.onEnd(() => this.#breakOff());
  }

  /** Resolves when the peer's answer has been received. */
  async run({ chunks }: OutgoingSnapshot): Promise<void> {
    const { isFaulty, plan } = this.#world;
    const timeoutMs = isFaulty ? plan.snapshots.timeoutMs : HEALED_TIMEOUT_MS;
    const cancel = this.#sender.clock.after(timeoutMs, () => this.#onTimeout());
    void this.#transmit(chunks);
    try {
      await this.#answer.promise;
    } finally {
      this.#isDone = true;
      cancel();
    }
  }

  /** Ends the call from this side. */
  fail(why: string): void {
    this.#answer.reject(new Error(why));
    this.#breakOff();
  }

  /** A message has been received here: perhaps the answer to this snapshot. */
  answered({ type, from, sequence }: Message): void {
    if (type !== "installSnapshotResponse" && type !== "refusal") return;
    if (from !== this.#header.to || sequence !== this.#header.sequence) return;
    this.#answer.resolve();
  }

  #onTimeout(): void {
    this.#timedOut = true;
    this.#world.coverage.hit("snapshotTimedOut");
    this.#answer.reject(new Error("no answer in time"));
    // Half of the peers notice. For the others the rest of the snapshot is still on its way.
    if (this.#world.random.network.chance(0.5)) this.#breakOff();
  }

  async #transmit(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { random, plan, coverage, isFaulty } = this.#world;
    const cutAfter =
      isFaulty && random.network.chance(plan.snapshots.cut) ? random.network.integer(0, 3) : Infinity;
    const sent: Uint8Array[] = [];
    try {
      this.#arrive("open", () => this.#open());
      for await (const chunk of chunks) {
        if (this.#sender.isOver) return;
        if (sent.length >= cutAfter) {
          coverage.hit("snapshotCut");
          throw new Error("the connection broke");
        }
        sent.push(chunk);
        this.#arrive("piece", () => this.#toPeer(({ pipe }) => pipe.push(chunk)));
        if (this.#isDone && !this.#timedOut) return;
      }
      this.#arrive("end", () => this.#toPeer(({ pipe }) => pipe.end(null)));
      if (isFaulty && random.network.chance(plan.snapshots.repeated)) this.#repeat(sent);
    } catch (error) {
      this.fail(String(error));
    }
  }

  /** Plans what happens at the peer when the next piece arrives. @throws if it does not */
  #arrive(what: string, happen: () => void): void {
    const { from, to } = this.#header;
    const at = this.#wires.arrivalOfPiece(from, to);
    if (at === null) throw new Error("the connection broke");
    this.#lastArrival = Math.max(at, this.#lastArrival);
    // Not after a difference of times: that is rounded, and a piece that is to arrive in the same moment as the one before would arrive first, by a hair.
    this.#world.timeline.at(this.#lastArrival, `snapshot ${what}`, happen);
  }

  #open(): void {
    const transport = this.#wires.find(this.#header.to);
    if (transport === undefined) {
      this.#tellSender("the peer cannot be reached");
      return;
    }
    // From now on the host takes what arrives, also for a peer that is paused.
    const far = { transport, pipe: transport.newPipe() };
    this.#far = far;
    if (this.#isBroken) far.pipe.end(new Error("the stream broke off"));
    transport.life.enter("io", () => {
      const { receiver } = transport;
      const isHeard = receiver !== null && this.#wires.areIntroduced(this.#transport, transport);
      if (!isHeard) this.#tellSender("the peer cannot be reached");
      else void this.#receive(far, receiver.receiveSnapshot(this.#header, far.pipe));
    });
  }

  async #receive({ transport }: FarEnd, done: Promise<void>): Promise<void> {
    try {
      await done;
      if (this.#timedOut && !transport.life.isOver) {
        this.#world.coverage.hit("snapshotTimedOutButInstalled");
      }
    } catch {
      if (!transport.life.isOver) this.#tellSender("the peer could not take the snapshot");
    }
  }

  /** Does something at the peer, if it is still the process that the stream was opened to. */
  #toPeer(happen: (far: FarEnd) => void): void {
    const far = this.#far;
    if (far === null) return;
    if (far.transport.life.isOver) this.#tellSender("the connection was reset");
    else far.transport.life.enter("io", () => happen(far));
  }

  #tellSender(why: string): void {
    this.#world.timeline.after(this.#wires.noticeMs(), "snapshot fails", () =>
      this.#sender.enter("io", () => this.#answer.reject(new Error(why))),
    );
  }

  /** The peer finds the stream broken, some time later. */
  #breakOff(): void {
    this.#world.timeline.after(this.#wires.noticeMs(), "stream breaks", () => {
      this.#isBroken = true;
      this.#toPeer(({ pipe }) => pipe.end(new Error("the stream broke off")));
    });
  }

  /** The same request with the same data once more, as of a sender whose first connection lingers. */
  #repeat(sent: readonly Uint8Array[]): void {
    const { timeline, coverage } = this.#world;
    timeline.after(this.#lastArrival - timeline.now + this.#wires.noticeMs(), "snapshot again", () => {
      const transport = this.#wires.find(this.#header.to);
      transport?.life.enter("io", () => {
        if (!this.#wires.areIntroduced(this.#transport, transport)) return;
        coverage.hit("snapshotRepeated");
        const pipe = transport.newPipe();
        for (const chunk of sent) pipe.push(chunk);
        pipe.end(null);
        transport.receiver?.receiveSnapshot(this.#header, pipe).catch(() => {});
      });
    });
  }
}
