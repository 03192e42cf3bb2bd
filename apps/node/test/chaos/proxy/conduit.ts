import type { Socket } from "node:net";
import { reset } from "../../support/reset.ts";
import type { Random } from "../random.ts";
import { NO_FAULTS, type PathFaults } from "./path-faults.ts";

/** What travels: bytes, the end of the bytes, or a reset. The latter two are as slow, and as easily cut off, as the bytes. */
type Item = { readonly payload: Uint8Array | "end" | "reset"; readonly dueMs: number };

/** The sender is made to wait above this, as by a full window. */
const MAX_HELD_BYTES = 1024 * 1024;
/** Bytes per piece on a slow path: a request arrives in many of them. */
const DRIP_BYTES = 64;

/** One direction of one connection: takes from `source`, gives to `sink`, late, slowly, in part or not at all. */
export class Conduit {
  /** Bytes given to the sink. */
  passed = 0;
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #random: Random;
  readonly #onPassed: (bytes: number) => void;
  #faults: PathFaults = NO_FAULTS;
  #items: Item[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #resetAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sourceOver = false;
  #muted = false;

  /** @param onPassed is told of all bytes that are given to the sink, right after that */
  constructor(source: Socket, sink: Socket, random: Random, onPassed: (bytes: number) => void) {
    this.#source = source;
    this.#sink = sink;
    this.#random = random;
    this.#onPassed = onPassed;
    source.on("data", (bytes: Uint8Array) => this.#take(bytes));
    source.once("end", () => this.#over("end"));
    source.on("error", () => this.#over("reset"));
    source.once("close", () => this.#over("reset"));
    sink.on("drain", () => this.#flush());
    sink.once("close", () => this.#discard());
  }

  /** Whether something is on its way that the sink has not got. */
  get holds(): boolean {
    return this.#items.length > 0;
  }

  /** Holds from now on, also for what is on its way. */
  set faults(faults: PathFaults) {
    const now = performance.now();
    this.#faults = faults;
    const within = faults.resetWithinBytes;
    this.#resetAt = within === Infinity ? Infinity : this.passed + this.#random.magnitude(1, within);
    const latestMs = now + faults.delayMs;
    if (faults.bytesPerSecond === Infinity) {
      this.#items = this.#items.map(({ payload, dueMs }) => ({ payload, dueMs: Math.min(dueMs, latestMs) }));
      this.#lastDueMs = Math.min(this.#lastDueMs, latestMs);
    }
    this.#flush();
  }

  /** Nothing of what the source says arrives any more, not even its end; and it is not told. */
  mute(): void {
    this.#muted = true;
    this.#discard();
  }

  #take(bytes: Uint8Array): void {
    if (this.#muted || this.#sink.destroyed) return;
    if (this.#faults.bytesPerSecond === Infinity) this.#hold(bytes, bytes.length);
    else
      for (let at = 0; at < bytes.length; at += DRIP_BYTES) {
        const piece = bytes.subarray(at, at + DRIP_BYTES);
        this.#hold(piece, piece.length);
      }
    if (this.#heldBytes > MAX_HELD_BYTES) this.#source.pause();
    this.#flush();
  }

  #over(how: "end" | "reset"): void {
    if (this.#sourceOver || this.#muted) return;
    this.#sourceOver = true;
    this.#hold(how, 0);
    this.#flush();
  }

  #hold(payload: Item["payload"], sizeBytes: number): void {
    const { delayMs, jitterMs, bytesPerSecond } = this.#faults;
    const travelMs = delayMs + jitterMs * this.#random.unit();
    const sendMs = (1000 * sizeBytes) / bytesPerSecond;
    const now = performance.now();
    this.#lastDueMs = Math.max(now + travelMs, Math.max(now, this.#lastDueMs) + sendMs);
    this.#items.push({ payload, dueMs: this.#lastDueMs });
    this.#heldBytes += sizeBytes;
  }

  /** Gives the sink what is due. */
  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let given = 0;
    for (const { payload, dueMs } of this.#items) {
      if (this.#faults.cut || this.#sink.destroyed || this.#sink.writableNeedDrain) break;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(waitMs));
        break;
      }
      given += 1;
      this.#give(payload);
    }
    this.#items.splice(0, given);
    if (this.#heldBytes <= MAX_HELD_BYTES / 2) this.#source.resume();
  }

  #give(payload: Item["payload"]): void {
    if (payload === "end") this.#sink.end();
    else if (payload === "reset") reset(this.#sink);
    else {
      this.#heldBytes -= payload.length;
      const left = this.#resetAt - this.passed;
      const bytes = payload.length < left ? payload : payload.subarray(0, Math.ceil(left));
      this.passed += bytes.length;
      if (this.passed < this.#resetAt) this.#sink.write(bytes);
      else this.#breakOff(bytes);
      this.#onPassed(bytes.length);
    }
  }

  /** The last bytes arrive, and then both ends find the connection reset. */
  #breakOff(bytes: Uint8Array): void {
    this.#resetAt = Infinity;
    this.#muted = true;
    this.#sink.write(bytes, () => {
      reset(this.#sink);
      reset(this.#source);
    });
  }

  #discard(): void {
    clearTimeout(this.#timer);
    this.#items = [];
    this.#heldBytes = 0;
    this.#source.resume();
  }
}
