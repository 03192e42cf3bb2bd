import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";

type Handler = ConnectRouter["handlers"][number];
export type Answer = Awaited<ReturnType<Handler>>;
type Body = AsyncIterable<Uint8Array>;

/** How the message of Connect's own error begins, and how it does in a trailer. */
const PARSE_FAILURE = "parse binary: ";
const PARSE_FAILURE_IN_TRAILER = encodeURIComponent(PARSE_FAILURE);

const PREFIX_BYTES = 5;
/** Flags of the last envelope of an answer, which has its status. */
const WEB_TRAILER = 0x80;
const CONNECT_END = 0x02;

/** Says of a request that is no protobuf that it is the caller's fault, in whichever protocol. `contentType` is that of the request. */
export async function corrected(answer: Answer, contentType: string): Promise<Answer> {
  if (contentType.startsWith("application/grpc-web")) return withLastEnvelope(answer, correctedWebTrailer);
  if (contentType.startsWith("application/grpc")) return correctTrailer(answer);
  if (contentType.startsWith("application/connect+")) return withLastEnvelope(answer, correctedEnd);
  return answer.status === 500 ? correctUnary(answer) : answer;
}

function correctTrailer(answer: Answer): Answer {
  const { trailer } = answer;
  if (
    trailer?.get("grpc-status") === String(Code.Internal) &&
    trailer.get("grpc-message")?.startsWith(PARSE_FAILURE_IN_TRAILER) === true
  ) {
    trailer.set("grpc-status", String(Code.InvalidArgument));
  }
  return answer;
}

/** An error of Connect's unary protocol is a document, and its code is in the HTTP status, too. */
async function correctUnary(answer: Answer): Promise<Answer> {
  const { body } = answer;
  if (body === undefined) return answer;
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body as Body) text += decoder.decode(chunk, { stream: true });
  const error = JSON.parse(text) as WireError;
  const isCallersFault = isParseFailure(error);
  const bytes = new TextEncoder().encode(isCallersFault ? JSON.stringify(callersFault(error)) : text);
  answer.header?.set("content-length", String(bytes.byteLength));
  return { ...answer, status: isCallersFault ? 400 : answer.status, body: only(bytes) };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Connect makes a chunk of each envelope. */
function withLastEnvelope(answer: Answer, correct: (envelope: Uint8Array) => Uint8Array): Answer {
  const { body } = answer;
  if (body === undefined) return answer;
  return { ...answer, body: mapped(body as Body, correct) };
}

async function* mapped(
  body: Body,
  correct: (envelope: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const envelope of body) yield correct(envelope);
}

function correctedWebTrailer(envelope: Uint8Array): Uint8Array {
  if (envelope[0] !== WEB_TRAILER) return envelope;
  const lines = textIn(envelope).split("\r\n");
  const status = lines.indexOf(`grpc-status: ${Code.Internal}`);
  if (status === -1) return envelope;
  if (!lines.some((line) => line.startsWith(`grpc-message: ${PARSE_FAILURE_IN_TRAILER}`))) return envelope;
  lines[status] = `grpc-status: ${Code.InvalidArgument}`;
  return envelopeOf(WEB_TRAILER, lines.join("\r\n"));
}

function correctedEnd(envelope: Uint8Array): Uint8Array {
  if (envelope[0] !== CONNECT_END) return envelope;
  const end = JSON.parse(textIn(envelope)) as { readonly error?: WireError };
  if (end.error === undefined || !isParseFailure(end.error)) return envelope;
  return envelopeOf(CONNECT_END, JSON.stringify({ ...end, error: callersFault(end.error) }));
}

/** An error in Connect's own protocol. */
interface WireError {
  readonly code?: string;
  readonly message?: string;
}

function isParseFailure({ code, message }: WireError): boolean {
  return code === "internal" && message?.startsWith(PARSE_FAILURE) === true;
}

function callersFault(error: WireError): WireError {
  return { ...error, code: "invalid_argument" };
}

function textIn(envelope: Uint8Array): string {
  return new TextDecoder().decode(envelope.subarray(PREFIX_BYTES));
}

function envelopeOf(flags: number, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const envelope = new Uint8Array(PREFIX_BYTES + bytes.byteLength);
  envelope[0] = flags;
  new DataView(envelope.buffer).setUint32(1, bytes.byteLength);
  envelope.set(bytes, PREFIX_BYTES);
  return envelope;
}
