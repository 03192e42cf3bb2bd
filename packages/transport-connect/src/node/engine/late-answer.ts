import { Code } from "@connectrpc/connect";
import type { ServerStream } from "@eraft/http2";
import { headOf } from "./header-lists.ts";

/** Says that a request has not ended in time. */
export function answerLate(stream: ServerStream, isGrpc: boolean, timeoutMs: number): void {
  if (!isGrpc) return stream.answer(headOf(408, []), null, null);
  const text = `the request did not end within ${timeoutMs} ms`;
  stream.answer(
    headOf(200, [
      ["content-type", "application/grpc"],
      ["grpc-status", String(Code.DeadlineExceeded)],
      ["grpc-message", encodeURIComponent(text)],
    ]),
    null,
    null,
  );
}
