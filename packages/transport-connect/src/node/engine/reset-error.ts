import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorCode } from "@eraft/http2";

/** What the code of a stream that was reset means for the handler of its call, as Connect's adapter for Node has it; undefined for nothing. */
export function resetError(code: number): ConnectError | undefined {
  const meaning = MEANINGS.get(code);
  if (meaning === undefined) return undefined;
  const text = `http/2 stream closed with error code ${meaning.name} (0x${code.toString(16)})`;
  return new ConnectError(text, meaning.code);
}

const MEANINGS: ReadonlyMap<number, { readonly name: string; readonly code: Code }> = new Map([
  [ErrorCode.protocolError, { name: "PROTOCOL_ERROR", code: Code.Internal }],
  [ErrorCode.internalError, { name: "INTERNAL_ERROR", code: Code.Internal }],
  [ErrorCode.flowControlError, { name: "FLOW_CONTROL_ERROR", code: Code.Internal }],
  [ErrorCode.settingsTimeout, { name: "SETTINGS_TIMEOUT", code: Code.Internal }],
  [ErrorCode.frameSizeError, { name: "FRAME_SIZE_ERROR", code: Code.Internal }],
  [ErrorCode.refusedStream, { name: "REFUSED_STREAM", code: Code.Unavailable }],
  [ErrorCode.cancel, { name: "CANCEL", code: Code.Canceled }],
  [ErrorCode.compressionError, { name: "COMPRESSION_ERROR", code: Code.Internal }],
  [ErrorCode.connectError, { name: "CONNECT_ERROR", code: Code.Internal }],
  [ErrorCode.enhanceYourCalm, { name: "ENHANCE_YOUR_CALM", code: Code.ResourceExhausted }],
  [ErrorCode.inadequateSecurity, { name: "INADEQUATE_SECURITY", code: Code.PermissionDenied }],
  [ErrorCode.http11Required, { name: "HTTP_1_1_REQUIRED", code: Code.PermissionDenied }],
]);
