import * as http from "node:http";
import type { AddressInfo } from "node:net";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

/**
 * What stands before the nodes of a cluster that a page talks to: it serves the page, and passes `/node/N/...` on to node N. So all is of one origin, and the nodes need not allow
 * any other.
 */
export class Front {
  readonly origin: string;
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(
    files: ReadonlyMap<string, string | Uint8Array>,
    nodes: readonly string[],
  ): Promise<Front> {
    const server = http.createServer((request, response) => {
      const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
      const [, node, rest] = /^\/node\/(\d+)(\/.*)$/.exec(path) ?? [];
      const address = node === undefined ? undefined : nodes[Number(node)];
      if (address !== undefined && rest !== undefined)
        return passOn(request, response, `http://${address}${rest}`);
      const file = files.get(path === "/" ? "/index.html" : path);
      const type = TYPES[path === "/" ? "html" : (path.split(".").at(-1) ?? "")];
      response.writeHead(file === undefined ? 404 : 200, { "content-type": type ?? "text/plain" });
      response.end(file ?? "not found");
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return new Front(server);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

/** Both ways as it comes: a watch is an answer that does not end. */
function passOn(request: http.IncomingMessage, response: http.ServerResponse, url: string): void {
  const { host: _, connection: __, ...headers } = request.headers;
  const onward = http.request(url, { method: request.method ?? "GET", headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on("error", () => response.destroy());
    answer.on("close", () => {
      if (!answer.complete) response.destroy();
    });
    answer.pipe(response);
  });
  onward.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end("the node does not answer");
  });
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}
