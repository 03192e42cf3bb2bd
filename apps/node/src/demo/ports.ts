import { createServer } from "node:net";

/** The first of `ports` that cannot be listened on at `host`, null if all are free. */
export async function findPortInUse(host: string, ports: readonly number[]): Promise<number | null> {
  for (const port of ports) {
    if (!(await isFree(host, port))) return port;
  }
  return null;
}

function isFree(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, host, () => server.close(() => resolve(true)));
  return promise;
}
