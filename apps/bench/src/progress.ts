import { styleText } from "node:util";
import type { Progress } from "./measurement.ts";

const BAR_WIDTH = 24;
/** Drawing takes processor time from what is measured: not more often than this. */
const DRAW_EVERY_MS = 500;
/** The seconds go on while nothing else changes: whoever watches sees that it has not stopped. */
const TICK_MS = 1000;

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * A line at the bottom of the terminal: which measurement, how far, since when. Where there is no terminal, a line each time something else begins.
 *
 * Of its own, because it shares two cores with what is measured: libraries for that redraw many times a second, whether anything has changed or not.
 */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #isLive: boolean;
  #text = "";
  #drawnAt = 0;
  #lastLabel = "";
  #ticking: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#isLive = terminal.isTTY === true;
  }

  /** For measurement number `at` of `of`. */
  measurement(name: string, at: number, of: number): Progress {
    const from = performance.now();
    return {
      at: (share, label) => {
        const draw = (): string => {
          const seconds = Math.round((performance.now() - from) / 1000);
          return `${bar((at + share) / of)} ${at + 1}/${of} ${styled("bold", name)}  ${label}  ${styled("dim", `${seconds} s`)}`;
        };
        this.#show(draw, `${name}: ${label}`);
      },
    };
  }

  /** Prints above the line, for good. */
  print(text: string): void {
    this.#clear();
    this.#terminal.write(`${text}\n`);
    if (this.#isLive && this.#text !== "") this.#terminal.write(this.#text);
  }

  end(): void {
    clearInterval(this.#ticking);
    this.#clear();
    this.#text = "";
  }

  #show(draw: () => string, label: string): void {
    const isNew = label !== this.#lastLabel;
    if (!this.#isLive) {
      // Without numbers that only grow: those are for those who watch.
      if (isNew) this.#terminal.write(`${label}\n`);
      this.#lastLabel = label;
      return;
    }
    const now = performance.now();
    if (!isNew && now - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#lastLabel = label;
    this.#redraw(draw);
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#redraw(draw), TICK_MS).unref();
  }

  #redraw(draw: () => string): void {
    this.#drawnAt = performance.now();
    this.#clear();
    this.#text = draw();
    this.#terminal.write(this.#text);
  }

  #clear(): void {
    if (this.#isLive && this.#text !== "") this.#terminal.write("\r\u001B[2K");
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return `${styled("cyan", "█".repeat(full))}${styled("dim", "░".repeat(BAR_WIDTH - full))}`;
}

function styled(format: "bold" | "dim" | "cyan", text: string): string {
  return text === "" ? "" : styleText(format, text);
}
