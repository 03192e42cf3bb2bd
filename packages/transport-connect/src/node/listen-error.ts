/**
 * Why a server could not listen.
 *
 * - `addressInUse`: another process, or another server of this one, has the port.
 * - `permissionDenied`: the port may not be used by this user; below 1024 it usually may not.
 * - `badAddress`: the host is no address of this machine, or cannot be resolved.
 * - `closed`: it was closed before it could listen.
 * - `other`: see `cause`.
 */
export type ListenErrorCode = "addressInUse" | "permissionDenied" | "badAddress" | "closed" | "other";

export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function listenErrorFrom(reason: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const where = `${host}:${port}`;
  const options = { cause: reason };
  switch (reason.code ?? "") {
    case "EADDRINUSE":
      return new ListenError("addressInUse", `${where} is in use already`, options);
    case "EACCES":
    case "EPERM":
      return new ListenError("permissionDenied", `no permission to listen on ${where}`, options);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
    case "EAFNOSUPPORT":
      return new ListenError("badAddress", `${host} is not an address of this machine`, options);
    default:
      return new ListenError("other", `cannot listen on ${where}: ${reason.message}`, options);
  }
}
