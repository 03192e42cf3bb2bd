// How a package leaves the workspace, with `pnpm pack` and `pnpm publish`.
export const hooks = {
  beforePacking: (manifest) => ({
    ...without(manifest, "scripts", "devDependencies"),
    files: [...manifest.files, "!dist/.tsbuildinfo"],
    exports: withoutSources(manifest.exports),
  }),
};

/**
 * The condition `@eraft/source` is for this workspace, whose tests run from sources. A package has its sources with it only for source
 * maps: Node strips no types inside node_modules.
 */
function withoutSources(exports) {
  return Object.fromEntries(
    Object.entries(exports).map(([path, target]) => [
      path,
      typeof target === "string" ? target : without(target, "@eraft/source"),
    ]),
  );
}

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
