/** Something that is done already, or done when the promise resolves. Virtual time stands still until then. */
export type Work = Promise<void> | undefined;

/** Does `what` after `work`: at once where nothing has to be waited for, which is much faster than a promise. */
export function after(work: Work, what: () => Work): Work {
  return work === undefined ? what() : work.then(what);
}
