import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { NodeId } from "@eraft/core";
import type { KvV1Service } from "@eraft/kv";
import { KvService } from "@eraft/proto/eraft/kv/v1";
import { registerUnary } from "@eraft/transport-connect";

export interface KvV1Server {
  /** Asked for with each call; may throw while there is none. */
  readonly service: () => KvV1Service;
  /** Sees the calls with one answer. */
  readonly track: <T>(call: Promise<T>) => Promise<T>;
  /** Members that cannot read what these calls put into the log. */
  readonly foreign: () => readonly NodeId[];
}

/**
 * Serves `eraft.kv.v1.KvService`, calls with one answer without Connect's adapter where that is possible.
 *
 * Not for writing where a member is known to be a Go node: it cannot read such a command, ends at the first one that it is to apply, and again after each restart. Clients are told
 * that the call is unknown here, and whoever can goes on with `kvraftpb.KVService`.
 */
export function registerKvV1(router: ConnectRouter, { service, track, foreign }: KvV1Server): void {
  const { method } = KvService;
  const writable = (): KvV1Service => {
    const [other] = foreign();
    if (other === undefined) return service();
    const text = `node ${other} could not read this write from its log: write with kvraftpb.KVService`;
    throw new ConnectError(text, Code.Unimplemented);
  };
  registerUnary(router, method.get, (request, context) => track(service().get(request, context)));
  registerUnary(router, method.put, (request, context) => track(writable().put(request, context)));
  registerUnary(router, method.delete, (request, context) => track(writable().delete(request, context)));
  registerUnary(router, method.compareAndSwap, (request, context) =>
    track(writable().compareAndSwap(request, context)),
  );
  registerUnary(router, method.scan, (request, context) => track(service().scan(request, context)));
  registerUnary(router, method.batch, (request, context) => track(writable().batch(request, context)));
  registerUnary(router, method.openSession, () => track(writable().openSession()));
  router.rpc(method.watch, (request, context) => service().watch(request, context));
  router.rpc(method.stream, (requests, context) => writable().stream(requests, context));
}
