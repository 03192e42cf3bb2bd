// Packs every package and looks at it as those who install it will: with publint, and with are-the-types-wrong.
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { problemAffectsResolutionKind, problemKindInfo } from "@arethetypeswrong/core/problems";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packAll } from "./pack.ts";

/** Those of a package that has only ES modules, the profile `esm-only` of attw: `require` and TypeScript's oldest resolution find nothing. */
const RESOLUTIONS = ["node16-esm", "bundler"] as const;

/** What publint would rather have, in words. */
async function publishProblems(tarball: Buffer): Promise<readonly string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: arrayBufferOf(tarball) }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** Where TypeScript would see something else than what Node runs. */
async function typeProblems(tarball: Buffer): Promise<readonly string[]> {
  const contents = createPackageFromTarballData(tarball);
  const packageFile = contents.readFile(`/node_modules/${contents.packageName}/package.json`);
  const analysis = await checkPackage(contents);
  if (analysis.types === false) return exportsCode(packageFile) ? ["types: there are none"] : [];
  return analysis.problems
    .filter((problem) => RESOLUTIONS.some((kind) => problemAffectsResolutionKind(problem, kind, analysis)))
    .map((problem) => {
      const where = "entrypoint" in problem ? `${problem.entrypoint} (${problem.resolutionKind}): ` : "";
      return `types: ${where}${problemKindInfo[problem.kind].shortDescription}`;
    });
}

/** A package of nothing but a command exports its package.json. */
function exportsCode(packageFile: string): boolean {
  const { exports } = JSON.parse(packageFile) as { exports: Record<string, unknown> };
  return Object.keys(exports).some((path) => !path.endsWith(".json"));
}

/** What only means something in this workspace. */
function leftovers(tarball: Buffer): readonly string[] {
  const contents = createPackageFromTarballData(tarball);
  const root = `/node_modules/${contents.packageName}`;
  const manifest = contents.readFile(`${root}/package.json`);
  const words = ["workspace:", "catalog:", "@eraft/source"].filter((word) => manifest.includes(word));
  const files = contents.listFiles().filter((file) => file.endsWith(".tsbuildinfo"));
  const missing = ["README.md", "LICENSE"].filter((file) => !contents.fileExists(`${root}/${file}`));
  return [
    ...words.map((word) => `package.json has ${word}`),
    ...files.map((file) => `has ${file}`),
    ...missing.map((file) => `has no ${file}`),
  ];
}

function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

const destination = mkdtempSync(join(tmpdir(), "eraft-packages-"));
try {
  for (const { name, tarball } of packAll(destination)) {
    const bytes = readFileSync(tarball);
    const problems = [...leftovers(bytes), ...(await publishProblems(bytes)), ...(await typeProblems(bytes))];
    console.log(`${name}: ${problems.length === 0 ? "good" : `\n  ${problems.join("\n  ")}`}`);
    if (problems.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(destination, { recursive: true });
}
