/**
 * Restarts a server gracefully, 100 times, while a peer keeps calling it; prints how many calls were answered. The peer's connections are
 * managed by us (`own`) or by Connect (`connect`), its calls are unary or, with `own streams`, go over a stream. Run as a process of its own,
 * since what is at stake is whether it survives.
 */
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ConnectTransport } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import type { RpcServer } from "@eraft/transport-connect/node";
import { EventEmitter, once } from "node:events";
import { agree, isRequest, TestReceiver, voteRequest } from "./support.ts";

const streams = process.argv[3] === "streams";
// A stream that broke is opened again after 50 ms.
const RESTARTS = streams ? 30 : 100;

const connect =
  process.argv[2] === "own"
    ? // No pause after a refused connection, since the server is away for moments only.
      (address: string) => nodePeerConnection(address, { redialAfterMs: 1 })
    : (address: string) => createGrpcTransport({ baseUrl: `http://${address}` });

const follower = new ConnectTransport({ id: 2, connect: nodePeerConnection, streams });
follower.setPeers(new Map([[1, "127.0.0.1:1"]]));
const followerReceiver = new TestReceiver();
followerReceiver.onMessage = (message) => {
  if (isRequest(message)) follower.send(agree(message));
};
await follower.start(followerReceiver);

const listen = (port: number): RpcServer =>
  serve({ host: "127.0.0.1", port, routes: (router) => follower.routes(router) });
let server = listen(0);
const { port } = await server.listening;

const leader = new ConnectTransport({ id: 1, connect, streams });
leader.setPeers(new Map([[2, `127.0.0.1:${port}`]]));
const events = new EventEmitter();
const leaderReceiver = new TestReceiver();
let answered = 0;
let restart = 0;
// One call after the other, with 0 to 9 turns of the event loop in between. The server closes right after an answer, so its GOAWAY meets
// a call on its way, or an idle connection whose next call comes sooner or later.
const next = (turns = restart % 10): void => {
  if (turns > 0) setImmediate(next, turns - 1);
  else leader.send(voteRequest());
};
leaderReceiver.onMessage = () => {
  answered += 1;
  events.emit("answered");
  next();
};
leaderReceiver.unreachable = () => void setImmediate(next);
await leader.start(leaderReceiver);
leader.send(voteRequest());

for (; restart < RESTARTS; restart += 1) {
  await once(events, "answered");
  await server.close();
  server = listen(port);
  await server.listening;
}
await once(events, "answered");
await leader.stop();
await server.close();
await follower.stop();
console.log(`answered ${answered >= RESTARTS ? "at least" : "fewer than"} ${RESTARTS} calls`);
