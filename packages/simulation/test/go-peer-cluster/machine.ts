/** The state of every server's state machine in these tests: which command stands at which index. */
export class Machine {
  #commands: string[] = [];

  get length(): number {
    return this.#commands.length;
  }

  apply(command: Uint8Array, index: number): void {
    this.#commands[index - 1] = textOf(command);
  }

  /** Every command up to `index`. */
  snapshot(index: number): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.#commands.slice(0, index)));
  }

  restore(snapshot: Uint8Array): void {
    this.#commands = JSON.parse(new TextDecoder().decode(snapshot)) as string[];
  }

  reset(): void {
    this.#commands = [];
  }

  commands(): readonly string[] {
    return this.#commands;
  }
}

export function textOf(command: Uint8Array): string {
  return new TextDecoder().decode(command);
}

export function commandOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
