import {
  type Condition,
  type KvQuery,
  type Operation,
  type Serial,
  encodeCommand,
  encodeOpenSession,
  encodeWrites,
} from "@eraft/kv";
import { append, get, put } from "../support/commands.ts";
import * as writes from "../support/writes.ts";

/** Commands of all kinds over a few keys, sessions and clients: many are sent again, refused, or undo each other. */
export class RandomLog {
  readonly #random: () => number;
  /** Sessions that were opened, by their index, and the last number that each has given. */
  readonly #sessions = new Map<number, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The command at `index`. */
  command(index: number): Uint8Array {
    const kind = this.#below(20);
    if (kind === 0) {
      this.#sessions.set(index, 0);
      return encodeOpenSession();
    }
    if (kind === 1) return Uint8Array.of(0, 1, 255, this.#below(256));
    if (kind < 8) return encodeCommand(this.#text());
    const count = kind < 16 ? 1 : 3;
    return encodeWrites(
      Array.from({ length: count }, () => ({
        write: {
          conditions: Array.from({ length: this.#below(3) === 0 ? 1 : 0 }, () => this.#condition()),
          operations: Array.from({ length: 1 + this.#below(3) }, () => this.#operation()),
        },
        serial: this.#below(3) === 0 ? null : this.#serial(),
      })),
    );
  }

  query(): KvQuery {
    const keys = [this.#key(), this.#key()].toSorted();
    const [start = "", other = ""] = keys;
    switch (this.#below(4)) {
      case 0:
        return { type: "items", keys: [start, other, "none"] };
      case 1:
        return { type: "revision" };
      default:
        return {
          type: "scan",
          start,
          end: this.#below(2) === 0 ? null : other,
          isDescending: this.#below(2) === 0,
          maxItems: 1 + this.#below(30),
          maxBytes: 1 + this.#below(3000),
          keysOnly: this.#below(4) === 0,
        };
    }
  }

  #text(): ReturnType<typeof put> {
    const clientId = BigInt(this.#below(6));
    const commandId = BigInt(this.#below(8));
    switch (this.#below(3)) {
      case 0:
        return get(this.#key());
      case 1:
        return put(this.#key(), this.#value(), clientId, commandId);
      default:
        return append(this.#key(), this.#value(), clientId, commandId);
    }
  }

  #operation(): Operation {
    const key = this.#key();
    switch (this.#below(6)) {
      case 0:
        return writes.get(key);
      case 1:
        return writes.remove(key);
      case 2:
        return writes.append(key, this.#value());
      default:
        return writes.put(key, this.#value());
    }
  }

  #condition(): Condition {
    const key = this.#key();
    switch (this.#below(3)) {
      case 0:
        return writes.exists(key, this.#below(2) === 0);
      case 1:
        return { type: "value", key, value: this.#value() };
      default:
        return { type: "modRevision", key, modRevision: 1 + this.#below(50) };
    }
  }

  #serial(): Serial {
    const sessions = [...this.#sessions];
    const [sessionId, last] = sessions[this.#below(sessions.length)] ?? [999, 0];
    // New, sent again, or far away.
    const kind = this.#below(8);
    const sequence = kind < 5 ? last + 1 : kind < 7 ? Math.max(1, last - this.#below(3)) : last + 2000;
    if (kind < 5) this.#sessions.set(sessionId, sequence);
    const firstUnanswered = Math.max(1, sequence - this.#below(5));
    return { sessionId, sequence, firstUnanswered };
  }

  #key(): string {
    return `${"abcdefgh"[this.#below(8)]}${this.#below(4) === 0 ? "\u00ff" : ""}${this.#below(6)}`;
  }

  #value(): string {
    const kind = this.#below(12);
    const length = kind === 0 ? 600 : kind === 1 ? 300 : this.#below(6);
    return String.fromCharCode(97 + this.#below(26)).repeat(length);
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}
