import { Agenda } from "../agenda.ts";
import { mix } from "../cluster/machine.ts";
import { hashOf } from "../random.ts";
import { turn } from "./turn.ts";

/** Takes back what was planned; harmless when it has happened. */
export type Cancel = () => void;

interface Appointment {
  readonly what: string;
  readonly happen: () => void;
  isCancelled: boolean;
}

/**
 * Virtual time. It stands still while anything runs: an event happens, all promises that follow from it settle, then time jumps to the next
 * event. So a run is the same on every machine and at every load.
 */
export class Timeline {
  readonly #agenda = new Agenda<Appointment>();
  readonly #record: ((line: string) => void) | null;
  #now = 0;
  #events = 0;
  #hash = 0;

  constructor(record: ((line: string) => void) | null = null) {
    this.#record = record;
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  /** Equal for two runs exactly if they went the same way. */
  get hash(): number {
    return this.#hash;
  }

  after(ms: number, what: string, happen: () => void): Cancel {
    return this.at(this.#now + Math.max(0, ms), what, happen);
  }

  /** At `at`, or now if that is over. What is planned for the same moment happens in the order in which it was planned. */
  at(at: number, what: string, happen: () => void): Cancel {
    const appointment = { what, happen, isCancelled: false };
    this.#agenda.add(Math.max(this.#now, at), appointment);
    return () => {
      appointment.isCancelled = true;
    };
  }

  /** Resolves after `ms`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, "wake", resolve));
  }

  /** Makes `what` part of the trace. */
  note(what: string, who: number, detail = 0): void {
    this.#hash = mix(mix(mix(this.#hash, hashOf(what)), who), Math.trunc(detail * 1000));
    this.#record?.(`${this.#now.toFixed(3).padStart(12)}  ${who}  ${what} ${detail}`);
  }

  /** Lets the next event happen, and all that follows from it. False if there is none. */
  async step(): Promise<boolean> {
    for (;;) {
      const next = this.#agenda.next();
      if (next === undefined) return false;
      if (next.what.isCancelled) continue;
      this.#now = next.at;
      this.#events += 1;
      this.#hash = mix(mix(this.#hash, hashOf(next.what.what)), Math.trunc(next.at * 1000));
      next.what.happen();
      await turn();
      return true;
    }
  }
}
