import * as http2 from "node:http2";
import { expect, test } from "vitest";
import { commandOf, COMMAND, seen, UnaryServerUnderTest } from "./unary-paths.ts";

const REQUEST = commandOf({ key: "a", value: "b" });
const AT_ONCE = 32;
const BEFORE_CLOSE = 500;
const GOOD = new Set(["status 0", "refused", "not sent"]);

/** How a call ends for a caller that never waits for the server to say that it goes. */
async function outcome(session: http2.ClientHttp2Session): Promise<string> {
  let stream: http2.ClientHttp2Stream;
  try {
    stream = session.request({ ":method": "POST", ":path": COMMAND, "content-type": "application/grpc" });
  } catch {
    return "not sent";
  }
  const errors: string[] = [];
  stream.on("error", ({ code }: NodeJS.ErrnoException) => errors.push(code ?? ""));
  stream.end(REQUEST);
  const { resetCode, status } = await seen(stream);
  if (status !== null) return `status ${status}`;
  if (errors.some((code) => code === "ERR_HTTP2_GOAWAY_SESSION" || code === "ERR_HTTP2_INVALID_SESSION")) {
    return "not sent";
  }
  return resetCode === http2.constants.NGHTTP2_REFUSED_STREAM
    ? "refused"
    : `reset ${resetCode} ${errors.join(" ")}`;
}

// A call that is refused, or was never sent, can be made again elsewhere. One that ends otherwise may have been done.
test("calls that race with the closing of the server are served, refused, or not sent", async () => {
  for (let round = 0; round < 5; round += 1) {
    const server = new UnaryServerUnderTest(
      { engine: "eraft", path: "direct" },
      async ({ key, value }) => ({ err: key, value }),
      { closeGraceMs: 10_000 },
    );
    const session = await server.session();
    const outcomes = new Map<string, number>();
    let calls = 0;
    const closing: Promise<void>[] = [];
    const callOn = async (): Promise<void> => {
      while (!session.closed && !session.destroyed) {
        const how = await outcome(session);
        outcomes.set(how, (outcomes.get(how) ?? 0) + 1);
        calls += 1;
        if (calls === BEFORE_CLOSE) closing.push(server.server.close());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, callOn));
    await Promise.all(closing);
    expect([...outcomes.keys()].filter((how) => !GOOD.has(how))).toEqual([]);
    expect(outcomes.get("status 0")).toBeGreaterThanOrEqual(BEFORE_CLOSE - 1);
    await server.close();
  }
});
