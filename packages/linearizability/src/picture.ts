import type { PartitionReport } from "./check.ts";
import { describeReply, explain } from "./explain.ts";
import type { Model } from "./model.ts";
import { type Bar, type Layout, layOut } from "./picture-layout.ts";
import { STYLE } from "./picture-style.ts";

export interface PictureOptions {
  /** Stands at the top. "Not linearizable", or "Undecided", and the key by default. */
  readonly title?: string;
  /** Bars drawn; of a longer history the beginning of the longest order is left away, and the picture says so. 40 by default. */
  readonly maxOperations?: number;
}

const CHARACTER = 7.3;
const MARGIN = 20;
const ROW = 44;
const BAR = 28;
const TOP = 92;
const LINE = 20;
const MAX_LABEL = 44;

/**
 * Draws a history that is not linearizable: a row for each client, a bar for each operation from its call to its return, numbers in
 * the longest order that can be explained, the operation that cannot be placed, and why, in words.
 *
 * Gives a complete SVG document, without scripts or references to anything outside, readable on light and on dark ground. Draw
 * what `minimise` returned: of a whole history little can be seen.
 *
 * @throws RangeError for a report that shows nothing wrong, or `maxOperations` that is not a positive integer
 */
export function renderPicture<State, Input, Output>(
  model: Model<State, Input, Output>,
  report: PartitionReport<State, Input, Output>,
  options: PictureOptions = {},
): string {
  return new Picture(model, report, options).render();
}

class Picture<State, Input, Output> {
  readonly #report: PartitionReport<State, Input, Output>;
  readonly #title: string;
  readonly #sentences: readonly string[];
  readonly #conflict: number | null;
  readonly #labels: readonly string[];
  readonly #layout: Layout;
  readonly #left: number;
  readonly #width: number;

  constructor(
    model: Model<State, Input, Output>,
    report: PartitionReport<State, Input, Output>,
    { title, maxOperations = 40 }: PictureOptions,
  ) {
    if (!Number.isSafeInteger(maxOperations) || maxOperations < 1) {
      throw new RangeError(`maxOperations must be a positive integer, not ${maxOperations}`);
    }
    this.#report = report;
    const what = report.verdict === "illegal" ? "Not linearizable" : "Undecided";
    this.#title = title ?? (report.key === "" ? what : `${what}: ${report.key}`);
    const { sentences, conflict } = explain(model, report);
    this.#conflict = conflict;
    this.#labels = report.intervals.map(
      (interval) => `${model.describeInput(interval.input)} → ${describeReply(model, interval)}`,
    );
    const shown = this.#choose(maxOperations);
    const labelWidth = (position: number): number => 38 + shorten(this.#labels[position]!).length * CHARACTER;
    this.#layout = layOut(report.intervals, shown, labelWidth);
    const longestName = Math.max(...this.#layout.rows.map((client) => `client ${client}`.length));
    this.#left = MARGIN + longestName * CHARACTER + 16;
    this.#width = Math.max(700, Math.ceil(this.#left + this.#layout.width + MARGIN));
    const omitted = report.intervals.length - shown.length;
    const note = `${omitted} of ${report.intervals.length} operations, the first in that order, are not drawn.`;
    const text = omitted === 0 ? sentences : [...sentences, note];
    this.#sentences = text.flatMap((sentence) =>
      wrap(sentence, Math.floor((this.#width - 2 * MARGIN) / CHARACTER)),
    );
  }

  /** What cannot be placed and what it collides with, then the end of the longest order, then the rest; by time of call. */
  #choose(maxOperations: number): number[] {
    const { intervals, order, blocked } = this.#report;
    const important = [blocked!, ...(this.#conflict === null ? [] : [this.#conflict])];
    const all = new Set([...important, ...order.toReversed(), ...intervals.keys()]);
    return [...all].slice(0, maxOperations).toSorted((a, b) => intervals[a]!.call - intervals[b]!.call);
  }

  render(): string {
    const rowsEnd = TOP + this.#layout.rows.length * ROW;
    const height = rowsEnd + 24 + this.#sentences.length * LINE + MARGIN;
    const lines = this.#sentences.map((sentence, i) =>
      text(MARGIN, rowsEnd + 34 + i * LINE, "words", sentence),
    );
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.#width}" height="${height}" viewBox="0 0 ${this.#width} ${height}" role="img">`,
      `<title>${escape(this.#title)}</title>`,
      `<desc>${escape(this.#sentences.join(" "))}</desc>`,
      `<style>${STYLE}</style>`,
      `<rect class="ground" width="${this.#width}" height="${height}"/>`,
      text(MARGIN, 34, "title", this.#title),
      ...this.#legend(),
      ...this.#layout.rows.flatMap((client, row) => this.#lane(client, row)),
      ...this.#realTime(),
      ...this.#layout.bars.map((bar) => this.#bar(bar)),
      ...lines,
      "</svg>",
      "",
    ].join("\n");
  }

  #legend(): string[] {
    const entries = [
      ["placed", "1", "longest order that can be explained"],
      ["blocked", "!", "cannot be placed"],
      ...(this.#conflict === null ? [] : [["conflict", "", "has to come first"]]),
    ];
    let x = MARGIN;
    return entries.flatMap(([kind, badge, meaning]) => {
      const at = x;
      x += 32 + meaning!.length * CHARACTER + 24;
      return [
        `<rect class="${kind}" x="${at}" y="50" width="24" height="18" rx="4"/>`,
        text(at + 12, 63, "badge", badge!),
        text(at + 32, 63, "quiet", meaning!),
      ];
    });
  }

  #lane(client: number, row: number): string[] {
    const y = TOP + row * ROW + ROW / 2;
    return [
      text(MARGIN, y + 4, "quiet", `client ${client}`),
      `<line class="lane" x1="${this.#left}" y1="${y}" x2="${round(this.#left + this.#layout.width)}" y2="${y}"/>`,
    ];
  }

  /** From the return of what has to come first to the call of what cannot be placed. */
  #realTime(): string[] {
    const from = this.#layout.bars.find(({ position }) => position === this.#conflict);
    const to = this.#layout.bars.find(({ position }) => position === this.#report.blocked);
    if (from === undefined || to === undefined) return [];
    const top = TOP;
    const bottom = TOP + this.#layout.rows.length * ROW;
    const [returned, called] = [round(this.#left + from.x + from.width), round(this.#left + to.x)];
    return [
      `<rect class="between" x="${returned}" y="${top}" width="${round(called - returned)}" height="${bottom - top}"/>`,
      `<line class="return" x1="${returned}" y1="${top}" x2="${returned}" y2="${bottom}"/>`,
      `<line class="call" x1="${called}" y1="${top}" x2="${called}" y2="${bottom}"/>`,
      text(returned - 5, bottom + 12, "returned", "returned"),
      text(called + 5, bottom + 12, "called", "called"),
    ];
  }

  #bar({ position, row, x, width, open }: Bar): string {
    const place = this.#report.order.indexOf(position);
    const blocked = position === this.#report.blocked;
    const kind = blocked
      ? "blocked"
      : position === this.#conflict
        ? "conflict"
        : place === -1
          ? "left"
          : "placed";
    const [left, top] = [round(this.#left + x), TOP + row * ROW + (ROW - BAR) / 2];
    const label = this.#labels[position]!;
    const badge = blocked ? "!" : place === -1 ? "" : String(place + 1);
    return [
      `<g class="operation"><title>${escape(label)}</title>`,
      `<rect class="${kind}${open ? " open" : ""}" x="${left}" y="${top}" width="${round(width)}" height="${BAR}" rx="5"/>`,
      text(left + 15, top + 18, "badge", badge),
      text(left + 30, top + 18, "label", shorten(label)),
      "</g>",
    ].join("");
  }
}

function text(x: number, y: number, kind: string, content: string): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}">${escape(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Keeps both ends: the beginning says what it is, and a value that grew by appends differs at its end. */
function shorten(label: string): string {
  if (label.length <= MAX_LABEL) return label;
  return `${label.slice(0, MAX_LABEL / 2 - 1)}…${label.slice(-MAX_LABEL / 2)}`;
}

function wrap(sentence: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of sentence.split(" ")) {
    const piece = word.length > columns ? shorten(word) : word;
    if (line !== "" && line.length + 1 + piece.length > columns) {
      lines.push(line);
      line = piece;
    } else line = line === "" ? piece : `${line} ${piece}`;
  }
  return [...lines, line];
}

/** For text and attributes. Characters that XML cannot have at all, which a binary value may contain, are replaced. */
function escape(content: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return content
    .toWellFormed()
    .replaceAll(/[&<>"]/g, (character) => entities[character]!)
    .replaceAll(/[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
}
