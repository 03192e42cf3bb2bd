/** What the network does to bytes on their way from one end to another. */
export interface PathFaults {
  /** Bytes are on their way for this many milliseconds, and ... */
  readonly delayMs: number;
  /** ... up to this many more, drawn for each piece. Pieces never overtake each other: TCP does not let them. */
  readonly jitterMs: number;
  /** Infinity: no limit. */
  readonly bytesPerSecond: number;
  /** Nothing arrives. What is sent meanwhile waits, as it does in a TCP that sends it again and again. */
  readonly cut: boolean;
  /** Each connection is reset after a number of bytes that is drawn below this; Infinity: never. */
  readonly resetWithinBytes: number;
}

export const NO_FAULTS: PathFaults = {
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  cut: false,
  resetWithinBytes: Infinity,
};
