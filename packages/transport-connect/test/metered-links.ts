import { once } from "node:events";
import * as net from "node:net";
import type { AddressInfo } from "node:net";

/** One connection through `MeteredLinks`. */
export class MeteredLink {
  /** Bytes that came back from the server. */
  backwardBytes = 0;
  readonly #near: net.Socket;
  readonly #far: net.Socket;
  #leftBytes: number;
  #held: Buffer[] = [];

  constructor(near: net.Socket, far: net.Socket, leftBytes: number) {
    this.#near = near;
    this.#far = far;
    this.#leftBytes = leftBytes;
    for (const socket of [near, far]) socket.on("error", () => {});
    near.on("data", (bytes: Buffer) => {
      this.#held.push(bytes);
      this.#give();
    });
    far.on("data", (bytes: Buffer) => {
      this.backwardBytes += bytes.byteLength;
      near.write(bytes);
    });
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
  }

  get isOpen(): boolean {
    return !this.#near.destroyed;
  }

  /** Lets so many bytes more go on to the server. What is sent meanwhile waits here, as it does in a router in front of a slow line. */
  pass(sizeBytes: number): void {
    this.#leftBytes += sizeBytes;
    this.#give();
  }

  destroy(): void {
    this.#near.destroy();
  }

  #give(): void {
    while (this.#leftBytes > 0) {
      const next = this.#held.shift();
      if (next === undefined) return;
      const part = next.subarray(0, this.#leftBytes);
      if (part.byteLength < next.byteLength) this.#held.unshift(next.subarray(part.byteLength));
      this.#leftBytes -= part.byteLength;
      this.#far.write(part);
    }
  }
}

/** A hop in front of a server, through which bytes go when the test says so. */
export class MeteredLinks {
  readonly links: MeteredLink[] = [];
  readonly #server: net.Server;

  /** `allowance` says how many bytes may go through the connection of that number, from 0, before anything is said. */
  constructor(targetPort: () => number, allowance: (link: number) => number) {
    this.#server = net.createServer({ noDelay: true }, (near) => {
      const far = net.connect({ port: targetPort(), host: "127.0.0.1", noDelay: true });
      this.links.push(new MeteredLink(near, far, allowance(this.links.length)));
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async close(): Promise<void> {
    for (const link of this.links) link.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
