import v8 from "node:v8";

/**
 * The young generation, in MiB for each of the two halves (and a third one while it is collected). Smaller ones are collected while most requests of a full load are still under way, which
 * makes these old before they are garbage; the 16 of Node take 30 MB more. Node reads it when it starts, and at no other time.
 */
const YOUNG = "--max-semi-space-size=8";

/**
 * Read at each collection, so that they can be set at any time. The first one: the old generation is collected when it is 1.6 times as large as what lived in it after the last time, where Node
 * waits for up to four times. That limits nothing, since the limit grows with what lives. The second one: threads that help with so small a young generation cost more than they save.
 */
const OTHERS = ["--heap-growing-percent=60", "--no-parallel-scavenge"];

/**
 * Read likewise. Without it V8 collects all garbage for every 64 MiB of buffers that were made, however soon they are garbage: commands of 16 KiB and more are copied from sockets, into messages
 * and to followers, and half of the processor time of all servers went into that. With it buffers count as the heap does. Node 24 is the first that has it.
 */
const BUFFERS_COUNT_AS_HEAP = "--external-memory-accounted-in-global-limit";
const others = Number.parseInt(process.versions.node, 10) < 24 ? OTHERS : [...OTHERS, BUFFERS_COUNT_AS_HEAP];

/** How Node is started for a server, as far as nobody has said otherwise. For those that start one. */
export function heapOptions() {
  return isSaid("semi-space") ? [] : [YOUNG];
}

/**
 * Gives this process the heap of a server. To be called before anything else is loaded: the process becomes one of another Node, with the same id, arguments, environment and standard
 * streams, where that is possible, and then this does not return. What was said of these options, to Node or in NODE_OPTIONS, stays as it is.
 */
export function sizeHeap() {
  for (const option of others) {
    if (!isSaid(option.replace(/^--(?:no-)?|=.*/g, ""))) v8.setFlagsFromString(option);
  }
  const options = heapOptions();
  if (options.length === 0 || !canBecomeAnother()) return;
  try {
    process.execve(process.execPath, [
      process.execPath,
      ...options,
      ...process.execArgv,
      ...process.argv.slice(1),
    ]);
  } catch {
    // Forbidden, as by Node's permissions: then the young generation is what it is.
  }
}

/**
 * Only the standard streams live on in another program: neither a channel to the process that forked this one, nor the lifeline of src/lifeline.ts. And a profiler's next signal would end
 * that program before it can take signals.
 */
function canBecomeAnother() {
  return (
    typeof process.execve === "function" &&
    process.platform !== "win32" &&
    process.send === undefined &&
    !isSaid("-prof") &&
    process.env.ERAFT_LIFELINE_FD === undefined
  );
}

function isSaid(name) {
  const said = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(/\s+/)];
  return said.some((option) => option.replaceAll("_", "-").includes(name));
}
