import { fileURLToPath } from "node:url";
import { build } from "vite";

/** The page as one would deploy it: paths, and what is there. */
export async function bundlePage(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const result = await build({
    root: fileURLToPath(new URL("page", import.meta.url)),
    configFile: false,
    logLevel: "warn",
    // The packages' sources: nothing has to be built for the page.
    resolve: { conditions: ["@eraft/source", "module", "browser", "production", "default"] },
    build: { write: false, target: "es2024", modulePreload: false },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !("output" in output)) throw new Error("vite has built nothing");
  return new Map(
    output.output.map((file) => [`/${file.fileName}`, file.type === "asset" ? file.source : file.code]),
  );
}
