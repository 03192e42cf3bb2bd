/** A process that embeds one node, as an application would: write-ahead log, streams between peers, no key-value service. */
import { setTimeout as sleep } from "node:timers/promises";
import { BusyError, OutcomeUnknownError, RaftNode } from "@eraft/runtime";
import { WalStorage } from "@eraft/storage-wal";
import { ConnectTransport } from "@eraft/transport-connect";
import { nodePeerConnection, serve } from "@eraft/transport-connect/node";
import { CountingMachine } from "./counting-machine.ts";
import type { FromNode, ToNode } from "./messages.ts";

const BUSY_PAUSE_MS = 5;

type Node = RaftNode<Uint8Array, null, number>;

const machine = new CountingMachine();
let node: Node | null = null;

process.on("message", (message: ToNode) => {
  handle(message).catch((error: unknown) => tell({ type: "failed", message: String(error) }));
});
// Whoever has started it is gone.
process.on("disconnect", () => process.exit());

async function handle(message: ToNode): Promise<void> {
  switch (message.type) {
    case "start":
      node = await start(message);
      return tell({ type: "started" });
    case "load":
      if (node === null) throw new Error("not started");
      return tell(await load(node, message));
    case "look":
      return tell({
        type: "state",
        applied: machine.applied,
        checksum: machine.checksum,
        cpuUs: process.cpuUsage().user + process.cpuUsage().system,
      });
  }
}

async function start({ id, peers, dir }: Extract<ToNode, { type: "start" }>): Promise<Node> {
  const transport = new ConnectTransport({ id, connect: nodePeerConnection });
  const [host = "", port] = (peers[id] ?? "").split(":");
  const server = serve({ host, port: Number(port), routes: (router) => transport.routes(router) });
  await server.listening;
  const started = new RaftNode<Uint8Array, null, number>({
    id,
    transport,
    stateMachine: machine,
    peers: new Map(peers.map((address, peer) => [peer, address])),
    storage: new WalStorage({ dir }),
  });
  started.on("role", ({ role }) => role === "leader" && tell({ type: "leads" }));
  started.on("failure", (failure) => tell({ type: "failed", message: String(failure) }));
  await started.start();
  return started;
}

/** Keeps `window` proposals under way, or as many as the node lets in. Ends when all that were made have ended. */
async function load(
  leader: Node,
  { seconds, window, commandBytes }: Extract<ToNode, { type: "load" }>,
): Promise<FromNode> {
  let acknowledged = 0;
  let unknown = 0;
  const from = performance.now();
  const until = from + seconds * 1000;
  const work = async (): Promise<void> => {
    const command = new Uint8Array(commandBytes);
    while (performance.now() < until) {
      const number = acknowledged;
      command[0] = number;
      command[1] = number >> 8;
      command[2] = number >> 16;
      try {
        await leader.propose(command);
        acknowledged += 1;
      } catch (error) {
        if (error instanceof BusyError) await sleep(BUSY_PAUSE_MS);
        else if (error instanceof OutcomeUnknownError) unknown += 1;
        else throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: window }, work));
  const perSecond = (acknowledged * 1000) / (performance.now() - from);
  return { type: "loaded", acknowledged, unknown, perSecond };
}

function tell(message: FromNode): void {
  process.send?.(message);
}
