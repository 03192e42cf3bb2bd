// Loaded into a node before its own code: `node --import 'routes.ts?22587=40001&22588=40002' ...`. What it opens to one of these ports goes to
// the other one instead, where a proxy stands for the way from this node to that one. All nodes are told the same addresses, and tell them to
// each other; on a real network, too, it is the way that is broken and not the address.
import net from "node:net";

const routes = new Map(new URL(import.meta.url).searchParams);
for (const [from, to] of routes)
  if (!(Number(from) > 0 && Number(to) > 0)) throw new Error(`${from} to ${to}`);

const connect = Reflect.get(net.Socket.prototype, "connect") as (...args: unknown[]) => net.Socket;

function rerouted(this: net.Socket, ...args: unknown[]): net.Socket {
  // As users call it, or as `net.connect` does: with all its arguments in one list.
  const [options] = (Array.isArray(args[0]) ? args[0] : args) as [unknown];
  if (typeof options === "object" && options !== null && "port" in options) {
    options.port = Number(routes.get(String(options.port)) ?? options.port);
  }
  return connect.apply(this, args);
}

Object.assign(net.Socket.prototype, { connect: rerouted });
