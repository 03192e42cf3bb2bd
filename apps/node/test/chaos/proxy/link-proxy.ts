import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { withTimeLimit } from "../../../src/time-limit.ts";
import { HANGS_AFTER_MS } from "../../support/hangs.ts";
import { reset } from "../../support/reset.ts";
import type { Random } from "../random.ts";
import { Conduit } from "./conduit.ts";
import { NO_FAULTS, type PathFaults } from "./path-faults.ts";

/** Towards the target, and back from it. */
export type Direction = "forward" | "backward";

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly forward: Conduit;
  readonly backward: Conduit;
}

/** So many bytes that are to pass, and what is to happen then. */
interface Milestone {
  readonly direction: Direction;
  readonly bytes: number;
  readonly reached: () => void;
}

/**
 * A TCP proxy in front of one target, for one kind of caller. What it does to the bytes can be changed at any time, for connections that
 * exist as for those to come; `heal` takes all of it back.
 */
export class LinkProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #random: Random;
  /** Every socket that is not closed. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<Connection>();
  readonly #silent = new Set<Socket>();
  readonly #faults: Record<Direction, PathFaults> = { forward: NO_FAULTS, backward: NO_FAULTS };
  readonly #passed: Record<Direction, number> = { forward: 0, backward: 0 };
  readonly #waiting = new Set<Milestone>();
  #refusing = false;

  private constructor(targetPort: number, random: Random) {
    this.#targetPort = targetPort;
    this.#random = random;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /** Resolves once it listens, on a port of 127.0.0.1 that the system chooses. The target need not be there. */
  static async start(targetPort: number, random: Random): Promise<LinkProxy> {
    const proxy = new LinkProxy(targetPort, random);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return proxy;
  }

  /** Where callers find it. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Bytes that were passed on in one direction, over all connections that there ever were. */
  passed(direction: Direction): number {
    return this.#passed[direction];
  }

  /** Resolves as soon as that many bytes were passed on. */
  whenPassed(direction: Direction, bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ direction, bytes, reached: resolve });
    this.#count(direction, 0);
    return promise;
  }

  /** Adds to what is done to the bytes in one direction. */
  disturb(direction: Direction, faults: Partial<PathFaults>): void {
    this.#faults[direction] = { ...this.#faults[direction], ...faults };
    for (const connection of this.#connections) connection[direction].faults = this.#faults[direction];
  }

  /** Resets what is open, and until `heal` everything that comes. */
  refuse(): void {
    this.#refusing = true;
    this.resetAll();
  }

  /** Both ends of every connection find it reset. */
  resetAll(): void {
    for (const { near, far } of this.#connections) {
      reset(near);
      reset(far);
    }
  }

  /**
   * The target forgets the connections that are open, and callers are not told: as after its power failed, or behind a firewall that lost its
   * table. They go on to talk to nobody.
   */
  forgetCallers(): void {
    for (const connection of this.#connections) {
      connection.forward.mute();
      connection.backward.mute();
      this.#silent.add(connection.near);
      reset(connection.far);
      this.#connections.delete(connection);
    }
  }

  /**
   * A good network again. What waited behind a cut arrives now, however old, or never: `late` says which. In the latter case its connection
   * is reset, since a TCP cannot leave bytes out.
   */
  heal(late: "arrives" | "is lost"): void {
    this.#refusing = false;
    for (const direction of ["forward", "backward"] as const) {
      for (const { near, far, [direction]: conduit } of this.#connections) {
        if (late === "arrives" || !this.#faults[direction].cut || !conduit.holds) continue;
        reset(near);
        reset(far);
      }
      this.disturb(direction, NO_FAULTS);
    }
    for (const near of this.#silent) reset(near);
  }

  /** Resolves once nothing of it is left; rejects, saying what is, if that takes for ever. */
  async close(): Promise<void> {
    const gone = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) reset(socket);
    await withTimeLimit(
      Promise.all([closed, ...gone]),
      HANGS_AFTER_MS,
      () => new Error(`of the proxy to port ${this.#targetPort}, ${this.#sockets.size} sockets do not close`),
    );
  }

  #accept(near: Socket): void {
    this.#watch(near);
    if (this.#refusing) {
      reset(near);
      return;
    }
    const far = connect({ host: "127.0.0.1", port: this.#targetPort, allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    this.#watch(far);
    const connection: Connection = {
      near,
      far,
      forward: new Conduit(near, far, this.#random, (bytes) => this.#count("forward", bytes)),
      backward: new Conduit(far, near, this.#random, (bytes) => this.#count("backward", bytes)),
    };
    connection.forward.faults = this.#faults.forward;
    connection.backward.faults = this.#faults.backward;
    this.#connections.add(connection);
    const onClose = (): void => {
      // One end may be gone while its last words wait behind a cut for the other.
      if (near.destroyed && far.destroyed) this.#connections.delete(connection);
      if (near.destroyed) this.#silent.delete(near);
    };
    near.once("close", onClose);
    far.once("close", onClose);
  }

  #count(direction: Direction, bytes: number): void {
    this.#passed[direction] += bytes;
    for (const milestone of this.#waiting) {
      if (milestone.direction !== direction || this.#passed[direction] < milestone.bytes) continue;
      this.#waiting.delete(milestone);
      milestone.reached();
    }
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
