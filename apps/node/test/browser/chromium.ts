import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Where there is a Chromium: `CHROMIUM`, or the first in the PATH. Null if there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | null {
  const { CHROMIUM: given, PATH = "" } = env;
  if (given !== undefined && given !== "") return given;
  const candidates = PATH.split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
