import type { Clock } from "@eraft/core";

/** So much that was applied is written without further delay. */
const EAGER_BYTES = 1 << 20;

/** With so much that is not written, commands wait for the disk. */
const MAX_UNWRITTEN_BYTES = 4 << 20;

export interface WriteBackOptions {
  readonly clock: Clock;
  readonly delayMs: number;
  /** Writes all that there is. Called when nothing is being written; resolves once it is durable. */
  readonly write: () => Promise<void>;
}

/**
 * Decides when what was applied is written: some time later, and all of it together. Nobody waits for that, for the log has it: after a crash it is applied again,
 * to a state that does not have it.
 */
export class WriteBack {
  readonly #options: WriteBackOptions;
  #unwrittenBytes = 0;
  #isDirty = false;
  #cancel: (() => void) | null = null;
  #writing: Promise<void> | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(options: WriteBackOptions) {
    this.#options = options;
  }

  /** Something was applied, so many bytes of it. */
  note(bytes: number): void {
    this.#unwrittenBytes += bytes;
    this.#isDirty = true;
    if (this.#writing !== null || this.#failure !== null) return;
    if (this.#unwrittenBytes >= EAGER_BYTES) this.#begin();
    else this.#cancel ??= this.#options.clock.after(this.#options.delayMs, () => this.#begin());
  }

  /** Resolves when there is room for more. @throws what writing threw, now or earlier */
  async room(): Promise<void> {
    while (this.#unwrittenBytes >= MAX_UNWRITTEN_BYTES && this.#failure === null) {
      if (this.#writing === null) this.#begin();
      await this.#writing;
    }
    this.check();
  }

  /** Resolves when all that was applied before the call is durable. @throws what writing threw, now or earlier */
  async flush(): Promise<void> {
    // What is being written may lack the newest. What begins later has it.
    await this.#writing;
    if (this.#isDirty && this.#writing === null && this.#failure === null) this.#begin();
    await this.#writing;
    this.check();
  }

  /** Nothing is written any more: the state in memory is not one to keep. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#cancel?.();
    this.#cancel = null;
  }

  check(): void {
    if (this.#failure !== null) throw this.#failure.cause;
  }

  #begin(): void {
    this.#cancel?.();
    this.#cancel = null;
    const bytes = this.#unwrittenBytes;
    this.#isDirty = false;
    this.#writing = this.#write(bytes);
  }

  /** Never rejects. */
  async #write(bytes: number): Promise<void> {
    try {
      await this.#options.write();
      this.#unwrittenBytes -= bytes;
    } catch (error) {
      this.fail(error);
    }
    this.#writing = null;
    if (this.#isDirty) this.note(0);
  }
}
