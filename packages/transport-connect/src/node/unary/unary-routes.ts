import type { UnaryRoute } from "../../direct/unary.ts";

/** What decides whether a request is one that can be served without Connect. */
export interface RequestFacts {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly contentType: string | undefined;
  readonly encoding: string | undefined;
  readonly expect: string | undefined;
}

/** Finds the unary methods that are served without Connect's adapter. */
export class UnaryRoutes {
  readonly #routes: ReadonlyMap<string, UnaryRoute>;
  /** The last one that was found to be an address. */
  #plainAuthority = "";

  /** `routes`: by their paths. */
  constructor(routes: ReadonlyMap<string, UnaryRoute>) {
    this.#routes = routes;
  }

  /** Undefined if Connect has to answer. */
  find({ authority, contentType, encoding, expect, method, path }: RequestFacts): UnaryRoute | undefined {
    if (contentType !== "application/grpc" && contentType !== "application/grpc+proto") return undefined;
    if (method !== "POST" || expect !== undefined) return undefined;
    if (encoding !== undefined && encoding !== "identity") return undefined;
    const route = this.#routes.get(path ?? "");
    return route === undefined || !this.#isPlain(authority) ? undefined : route;
  }

  /** Of the others, Connect decides whether they are addresses at all. */
  #isPlain(authority: string | undefined): boolean {
    if (authority === undefined) return false;
    if (authority === this.#plainAuthority) return true;
    if (!URL.canParse(`http://${authority}`)) return false;
    this.#plainAuthority = authority;
    return true;
  }
}
