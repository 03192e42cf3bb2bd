import type { NodeId } from "@eraft/core";
import type { MessagePort } from "node:worker_threads";
import type { Frame } from "./frames.ts";

/** What the servers' ports are plugged into, each under its id. It passes frames on, and says who is not there. */
export class Switchboard {
  readonly #ports = new Map<NodeId, MessagePort>();

  plugIn(id: NodeId, port: MessagePort): void {
    const old = this.#ports.get(id);
    if (old !== undefined) this.#unplug(id, old);
    this.#ports.set(id, port);
    port.on("message", (frame: Frame) => this.#pass(frame));
    // Also when the thread at the other end is gone.
    port.once("close", () => this.#unplug(id, port));
    port.postMessage({ type: "plugged", from: id, to: id } satisfies Frame);
  }

  close(): void {
    for (const port of this.#ports.values()) port.close();
  }

  #pass(frame: Frame): void {
    const { from, to } = frame;
    const port = this.#ports.get(to);
    if (port === undefined) this.#tell(from, to, false);
    else port.postMessage(frame);
  }

  #unplug(id: NodeId, port: MessagePort): void {
    if (this.#ports.get(id) !== port) return;
    this.#ports.delete(id);
    port.close();
    for (const other of this.#ports.keys()) this.#tell(other, id, true);
  }

  #tell(to: NodeId, absent: NodeId, hasLeft: boolean): void {
    this.#ports.get(to)?.postMessage({ type: "absent", from: absent, to, hasLeft } satisfies Frame);
  }
}
