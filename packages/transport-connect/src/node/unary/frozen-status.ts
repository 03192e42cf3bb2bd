import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

/**
 * The trailers of an error that cannot change, as `make` makes them of its status: once. A server that has too much to do refuses ten times as many calls as it
 * serves, and were each refusal as dear as an answer, there would be no time for what is to be served.
 */
export class FrozenStatuses<Trailers extends object> {
  readonly #made = new WeakMap<ConnectError, Trailers>();
  readonly #make: (trailer: Headers) => Trailers;

  constructor(make: (trailer: Headers) => Trailers) {
    this.#make = make;
  }

  of(error: ConnectError): Trailers {
    const known = this.#made.get(error);
    if (known !== undefined) return known;
    const trailer = new Headers();
    setTrailerStatus(trailer, error);
    const made = this.#make(trailer);
    this.#made.set(error, made);
    return made;
  }
}
