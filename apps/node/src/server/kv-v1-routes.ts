import type { ConnectRouter } from "@connectrpc/connect";
import type { KvV1Service } from "@eraft/kv";
import { KvService } from "@eraft/proto/eraft/kv/v1";
import { registerUnary } from "@eraft/transport-connect";

/**
 * Serves `eraft.kv.v1.KvService`, calls with one answer without Connect's adapter where that is possible. `service` is asked for with each call, and may throw
 * while there is none; `track` sees the calls with one answer.
 */
export function registerKvV1(
  router: ConnectRouter,
  service: () => KvV1Service,
  track: <T>(call: Promise<T>) => Promise<T>,
): void {
  const { method } = KvService;
  registerUnary(router, method.get, (request, context) => track(service().get(request, context)));
  registerUnary(router, method.put, (request, context) => track(service().put(request, context)));
  registerUnary(router, method.delete, (request, context) => track(service().delete(request, context)));
  registerUnary(router, method.compareAndSwap, (request, context) =>
    track(service().compareAndSwap(request, context)),
  );
  registerUnary(router, method.scan, (request, context) => track(service().scan(request, context)));
  registerUnary(router, method.batch, (request, context) => track(service().batch(request, context)));
  registerUnary(router, method.openSession, () => track(service().openSession()));
  router.rpc(method.watch, (request, context) => service().watch(request, context));
  router.rpc(method.stream, (requests, context) => service().stream(requests, context));
}
