/** One place in the sources, and what stands there instead. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** The text as it is, on one line or several. It must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A bug on purpose. What finds it can find its kind; what does not find it proves nothing. */
export interface Mutant extends Edit {
  /** `<package>/<name>`; the package's own tests are the first to look for it. */
  readonly id: string;
  /** What the broken program does, as a sentence without a subject. */
  readonly bug: string;
  /** Where it has happened: a row of the Go implementation's bug list (S1, L1, ...), or a project and its issue. */
  readonly like?: readonly string[];
  /** More edits, where one place does not make the bug. */
  readonly also?: readonly Edit[];
}

export function packageOf({ id }: Mutant): string {
  return id.slice(0, id.indexOf("/"));
}

const APPS = new Set(["node", "bench"]);

/** Where the package is, from the root of the repository. */
export function folderOf(mutant: Mutant): string {
  const name = packageOf(mutant);
  return APPS.has(name) ? `apps/${name}` : `packages/${name}`;
}

export function editsOf({ file, find, replace, also = [] }: Mutant): readonly Edit[] {
  return [{ file, find, replace }, ...also];
}
