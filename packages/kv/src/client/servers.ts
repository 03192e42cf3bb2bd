import type { DescService } from "@bufbuild/protobuf";
import { type Client, type Transport, createClient } from "@connectrpc/connect";

/** The transports of one client: one for each address, made when it is first needed. */
export class Transports {
  readonly #connect: (address: string) => Transport;
  readonly #transports = new Map<string, Transport>();

  constructor(connect: (address: string) => Transport) {
    this.#connect = connect;
  }

  /** Throws what `connect` throws; the next call tries again. */
  at(address: string): Transport {
    let transport = this.#transports.get(address);
    if (transport === undefined) {
      transport = this.#connect(address);
      this.#transports.set(address, transport);
    }
    return transport;
  }
}

/** The clients of one service at all addresses. */
export class Servers<S extends DescService> {
  readonly #service: S;
  readonly #transports: Transports;
  readonly #clients = new Map<string, Client<S>>();

  constructor(service: S, transports: Transports) {
    this.#service = service;
    this.#transports = transports;
  }

  /** Throws if there is no transport to be had. */
  at(address: string): Client<S> {
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = createClient(this.#service, this.#transports.at(address));
      this.#clients.set(address, client);
    }
    return client;
  }
}
