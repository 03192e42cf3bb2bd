import type { NodeStatus } from "@eraft/runtime";
import type { HttpRequest, HttpResponse } from "@eraft/transport-connect/node";

export interface Answer {
  readonly statusCode: 200 | 404 | 405 | 503;
  readonly text: string;
}

const INDEX = [
  "eraft: a node of a replicated key-value store.",
  "",
  "GET /healthz   200 while the process is up",
  "GET /readyz    200 while the node serves and knows a leader, otherwise 503 and why",
  "",
  "gRPC, gRPC-Web and Connect on this port: eraft.kv.v1.KvService and kvraftpb.KVService for clients,",
  "raftpb.RaftService and eraft.peer.v1.PeerService for the other nodes, eraft.admin.v1.AdminService for",
  "operators.",
].join("\n");

/** Answers requests that are no RPC. */
export function answerHttp(
  request: HttpRequest,
  response: HttpResponse,
  status: () => NodeStatus | null,
): void {
  const { statusCode, text } = answerTo(request.method ?? "", request.url ?? "", status);
  response.statusCode = statusCode;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.end(request.method === "HEAD" ? undefined : `${text}\n`);
}

export function answerTo(method: string, url: string, status: () => NodeStatus | null): Answer {
  const path = url.split("?", 1)[0];
  if (path !== "/" && path !== "/healthz" && path !== "/readyz") {
    return { statusCode: 404, text: "not found" };
  }
  if (method !== "GET" && method !== "HEAD") return { statusCode: 405, text: "only GET and HEAD" };
  if (path === "/") return { statusCode: 200, text: INDEX };
  return path === "/healthz" ? { statusCode: 200, text: "ok" } : readiness(status());
}

/** `status`: null until the data directory is taken. */
function readiness(status: NodeStatus | null): Answer {
  if (status === null) return { statusCode: 503, text: "starting" };
  const { phase, leaderId, leaderAddress, failure, isRemoved, standing } = status;
  if (failure !== null) return { statusCode: 503, text: `failed: ${failure.code}` };
  if (phase !== "running") return { statusCode: 503, text: phase };
  if (isRemoved) return { statusCode: 503, text: "removed from the cluster" };
  if (standing === null) return { statusCode: 503, text: "not a member of the cluster" };
  if (leaderId === null) return { statusCode: 503, text: "no leader is known" };
  const leader = leaderId === status.id ? "this node" : `node ${leaderId} at ${leaderAddress}`;
  return { statusCode: 200, text: `ready: ${leader} leads` };
}
