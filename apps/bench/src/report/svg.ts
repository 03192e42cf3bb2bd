/** Two kinds of charts, as text. They need no more than what is here, and no script runs in whoever looks at them. */

const WIDTH = 760;
const LEFT = 210;
const RIGHT = 110;
const TOP = 56;
const COLOURS = { eraft: "#2563a8", etcd: "#b4560f" } as const;
const INK = "#1f2328";
const RULE = "#d8dee4";

export interface Pair {
  readonly label: string;
  readonly eraft: number;
  readonly etcd: number | null;
}

interface Chart {
  readonly title: string;
  /** How a number is written beside its bar or point. */
  readonly show: (value: number) => string;
}

/** Horizontal bars, one pair below the other, from zero. */
export function barChart(pairs: readonly Pair[], { title, show }: Chart): string {
  const barHeight = 16;
  const groupHeight = 50;
  const values = pairs.flatMap(({ eraft, etcd }) => [eraft, etcd ?? 0]).filter((value) => value > 0);
  const most = Math.max(1e-9, ...values);
  const scale = (WIDTH - LEFT - RIGHT) / most;
  const body = pairs.flatMap(({ label, eraft, etcd }, at) => {
    const y = TOP + at * groupHeight;
    const bar = (value: number, name: keyof typeof COLOURS, offset: number): string[] => {
      const length = value > 0 ? value * scale : 0;
      const width = Math.max(1, length).toFixed(1);
      const middle = y + offset + barHeight / 2;
      return [
        `<rect x="${LEFT}" y="${y + offset}" width="${width}" height="${barHeight}" fill="${COLOURS[name]}"/>`,
        text(LEFT + length + 6, middle, show(value), { size: 12 }),
      ];
    };
    return [
      text(LEFT - 10, y + barHeight + 2, label, { anchor: "end" }),
      ...bar(eraft, "eraft", 0),
      ...(etcd === null ? [] : bar(etcd, "etcd", barHeight + 2)),
    ];
  });
  const hasEtcd = pairs.some(({ etcd }) => etcd !== null);
  return svg(TOP + pairs.length * groupHeight + 8, title, [...legend(hasEtcd), ...body]);
}

export interface Point {
  readonly x: number;
  readonly label: string;
  readonly eraft: number;
  readonly etcd: number | null;
}

/** Lines over logarithmic axes: twice as much is the same distance everywhere. */
export function lineChart(points: readonly Point[], { title, show }: Chart): string {
  const height = 360;
  const bottom = height - 44;
  const left = 90;
  const values = points.flatMap(({ eraft, etcd }) => [eraft, etcd ?? 0]).filter((value) => value > 0);
  const powers = powersAround(Math.min(...values), Math.max(...values));
  const toX = axis(Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x)), {
    from: left + 20,
    to: WIDTH - 70,
  });
  const toY = axis(powers[0] ?? 1, powers.at(-1) ?? 10, { from: bottom, to: TOP });
  const grid = powers.flatMap((power) => [
    `<line x1="${left}" x2="${WIDTH - 20}" y1="${toY(power).toFixed(1)}" y2="${toY(power).toFixed(1)}" stroke="${RULE}"/>`,
    text(left - 8, toY(power), show(power), { anchor: "end", size: 12 }),
  ]);
  const labels = points.map(({ x, label }) =>
    text(toX(x), bottom + 22, label, { anchor: "middle", size: 12 }),
  );
  const line = (name: keyof typeof COLOURS): string[] => {
    const drawn = points.flatMap((point) => {
      const value = point[name];
      return value === null || !(value > 0) ? [] : [[toX(point.x).toFixed(1), toY(value).toFixed(1)]];
    });
    if (drawn.length === 0) return [];
    const path = drawn.map((at) => at.join(",")).join(" ");
    const dots = drawn.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="4" fill="${COLOURS[name]}"/>`);
    return [`<polyline points="${path}" fill="none" stroke="${COLOURS[name]}" stroke-width="2"/>`, ...dots];
  };
  const hasEtcd = points.some(({ etcd }) => etcd !== null);
  return svg(height, title, [...legend(hasEtcd), ...grid, ...labels, ...line("etcd"), ...line("eraft")]);
}

/** Powers of ten that enclose everything between two positive numbers: two of them at least. */
export function powersAround(least: number, most: number): number[] {
  if (!(least <= most) || !Number.isFinite(most)) return [1, 10];
  const first = Math.floor(Math.log10(least));
  const last = Math.max(first + 1, Math.ceil(Math.log10(most)));
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

function axis(
  least: number,
  most: number,
  { from, to }: { from: number; to: number },
): (value: number) => number {
  const span = Math.log(most / least);
  return (value) => (span === 0 ? (from + to) / 2 : from + ((to - from) * Math.log(value / least)) / span);
}

function legend(hasEtcd: boolean): string[] {
  const names = hasEtcd ? (["eraft", "etcd"] as const) : (["eraft"] as const);
  return names.flatMap((name, at) => [
    `<rect x="${20 + at * 80}" y="32" width="12" height="12" fill="${COLOURS[name]}"/>`,
    text(38 + at * 80, 38, name, { size: 12 }),
  ]);
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = "start", size = 13 }: { anchor?: "start" | "middle" | "end"; size?: number } = {},
): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" dominant-baseline="middle"`;
  return `<text ${place} text-anchor="${anchor}" font-size="${size}" fill="${INK}">${escaped(content)}</text>`;
}

function svg(height: number, title: string, body: readonly string[]): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="20" y="20" font-size="15" font-weight="600" fill="${INK}">${escaped(title)}</text>`,
    ...body,
    "</svg>",
  ].join("\n")}\n`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
