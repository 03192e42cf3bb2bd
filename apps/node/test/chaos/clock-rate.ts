// Loaded into a node before its own code: `node --import clock-rate.ts?rate=2 ...`. From then on its monotonic clock, its wall clock and
// its timers run at that rate. That is what eraft sees of time; the timers inside Node's own HTTP/2 stay as they are.

const rate = Number(new URL(import.meta.url).searchParams.get("rate"));
if (!(rate > 0)) throw new Error(`rate is ${rate}`);

const monotonicMs = performance.now.bind(performance);
const wallMs = Date.now.bind(Date);
const [monotonicStart, wallStart] = [monotonicMs(), wallMs()];
performance.now = () => monotonicStart + (monotonicMs() - monotonicStart) * rate;
Date.now = () => Math.round(wallStart + (wallMs() - wallStart) * rate);

const { setTimeout: timeout, setInterval: interval } = globalThis;
type Timer = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => NodeJS.Timeout;
const atRate =
  (start: Timer): Timer =>
  (run, ms = 0, ...args) =>
    start(run, ms / rate, ...args);
Object.assign(globalThis, { setTimeout: atRate(timeout), setInterval: atRate(interval) });
