import { once } from "node:events";
import * as net from "node:net";
import type { AddressInfo } from "node:net";

/** One connection through the proxy. */
export class ProxiedLink {
  readonly #near: net.Socket;
  readonly #far: net.Socket;

  constructor(near: net.Socket, far: net.Socket) {
    this.#near = near;
    this.#far = far;
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
  }

  get isOpen(): boolean {
    return !this.#near.destroyed;
  }

  /** What the caller sends stays where it is from now on. */
  hold(): void {
    this.#near.unpipe(this.#far);
    this.#near.pause();
  }

  /** As when a process ends, or a router between them. */
  break(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }
}

/** A hop in front of a server, whose connections a test can hold up and break. */
export class Proxy {
  readonly links: ProxiedLink[] = [];
  readonly #server: net.Server;
  #port = 0;
  #isRefusing = false;

  constructor(targetPort: () => number) {
    this.#server = net.createServer({ noDelay: true }, (near) => {
      if (this.#isRefusing) return void near.resetAndDestroy();
      const far = net.connect({ port: targetPort(), host: "127.0.0.1", noDelay: true });
      this.links.push(new ProxiedLink(near, far));
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get open(): readonly ProxiedLink[] {
    return this.links.filter(({ isOpen }) => isOpen);
  }

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  breakAll(): void {
    for (const link of this.open) link.break();
  }

  /** Nobody gets through from now on, or again. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
    if (isRefusing) this.breakAll();
  }

  async close(): Promise<void> {
    this.breakAll();
    this.#server.close();
    await once(this.#server, "close");
  }
}
