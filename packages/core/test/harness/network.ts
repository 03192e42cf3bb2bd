import type { Message } from "@eraft/core";
import type { Snapshot } from "./disk.ts";

/** A message on its way; an installSnapshot carries its data. */
export interface Parcel {
  readonly message: Message;
  readonly snapshot: Snapshot | null;
}

export type Filter = (message: Message) => boolean;

/** What is on its way between servers, in the order of sending. Nothing moves unless a test says so. */
export class Network {
  parcels: Parcel[] = [];
  #blocked: Filter[] = [];
  #held: Filter[] = [];

  send(parcel: Parcel): void {
    if (!this.#blocked.some((matches) => matches(parcel.message))) this.parcels.push(parcel);
  }

  /** Loses what matches, also what is on its way, until the returned function is called. */
  block(matches: Filter): () => void {
    this.drop(matches);
    this.#blocked.push(matches);
    return () => {
      this.#blocked = this.#blocked.filter((other) => other !== matches);
    };
  }

  /** Keeps what matches on its way until the returned function is called. */
  hold(matches: Filter): () => void {
    this.#held.push(matches);
    return () => {
      this.#held = this.#held.filter((other) => other !== matches);
    };
  }

  drop(matches: Filter): void {
    this.parcels = this.parcels.filter(({ message }) => !matches(message));
  }

  duplicate(matches: Filter): void {
    this.parcels.push(...this.parcels.filter(({ message }) => matches(message)));
  }

  /** Takes out the oldest parcel that may move; undefined when there is none. */
  next(): Parcel | undefined {
    const at = this.parcels.findIndex(({ message }) => !this.#held.some((matches) => matches(message)));
    return at < 0 ? undefined : this.parcels.splice(at, 1)[0];
  }

  /** Everything may move again; what was lost stays lost. */
  heal(): void {
    this.#blocked = [];
    this.#held = [];
  }
}
