import { ClusterWorld } from "./cluster-world.ts";
import { type Command, parseScript, printBlock, ScriptError } from "./script.ts";
import { ServerWorld } from "./server-world.ts";
import { Words } from "./words.ts";
import type { World } from "./world.ts";

const NOTHING = "(nothing changes)";

/** Runs a script and returns it with what was seen in place of what was expected. Throws ScriptError. */
export function play(file: string, script: string): string {
  let world: World | null = null;
  const blocks = parseScript(script).map((block) => {
    for (const command of block.commands) world = run(file, world, command);
    const seen = block.commands.length === 0 ? [] : (world?.look() ?? []);
    return printBlock(block, seen.length === 0 ? [NOTHING] : seen);
  });
  return blocks.join("\n");
}

function run(file: string, world: World | null, command: Command): World {
  try {
    return perform(world, command.text);
  } catch (error) {
    throw new ScriptError(file, command, error instanceof Error ? error : new Error(String(error)));
  }
}

function perform(world: World | null, text: string): World {
  const words = new Words(text);
  const verb = words.word("a command");
  if (world === null) {
    const created = create(verb, words);
    words.end();
    return created;
  }
  const action = Object.hasOwn(world.commands, verb) ? world.commands[verb] : undefined;
  if (action === undefined)
    throw new Error(
      `there is no command "${verb}" here; there are ${Object.keys(world.commands).join(", ")}`,
    );
  action(words);
  words.end();
  return world;
}

function create(verb: string, words: Words): World {
  if (verb === "cluster") return new ClusterWorld(words);
  if (verb === "server") return new ServerWorld(words);
  throw new Error(`a script begins with \`cluster\` or \`server\`, not with "${verb}"`);
}
