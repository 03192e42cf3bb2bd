import type { Clock, Input } from "@eraft/core";
import type { Turns } from "./clock.ts";
import type { NodeFailedError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Logger } from "./logger.ts";

/** What the parts of a node may ask of it. */
export interface Host {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly logger: Logger;
  readonly events: Events;
  /** True once the node has failed or is being stopped: nothing new begins. */
  readonly isClosed: () => boolean;
  /** Gives the core something to do; ignored when closed. */
  readonly push: (input: Input) => void;
  /** Ends the node for good. Ignored when closed. */
  readonly fail: (failure: NodeFailedError) => void;
}
