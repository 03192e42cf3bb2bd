/** The sessions of a snapshot are damaged, or of a server with other limits. */
export class SessionFormatError extends Error {
  override readonly name = "SessionFormatError";
  readonly code = "SESSION_FORMAT";
}
