/**
 * What a line of a node's log is worth in the output of a demo: a few words, or null for nothing. The whole log goes to a file.
 * `pid` is the node's, for the reader to kill.
 */
export function condense(line: string, pid: number | null): string | null {
  const record = parse(line);
  if (record === null) return line;
  const { level, msg, role, term } = record;
  if (role === "leader") return `leads in term ${String(term)}, pid ${pid}`;
  if (role !== undefined) return null;
  // The demo itself knows, and says, which nodes are down.
  if ("peer" in record) return null;
  const matters = level === "warn" || level === "error" || "lastIncludedIndex" in record;
  return matters ? sentence(String(msg)) : null;
}

/** Null for a line that is not of the log, such as the last words of a node. */
function parse(line: string): Partial<Record<"level" | "msg" | "role" | "term", unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** `Took a snapshot.` becomes `took a snapshot`, to follow the name of the node. */
function sentence(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, "");
}
