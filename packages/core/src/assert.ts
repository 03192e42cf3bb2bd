/**
 * The server's own state contradicts itself or what the cluster has committed. Going on could lose or invent data, so whoever runs the
 * core must stop it for good.
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Checks what must always be true, in production too: a server that stops is repaired, one that lies is not noticed. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
