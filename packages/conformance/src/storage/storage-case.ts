import { type Case, defineCase } from "../common/case.ts";
import type { StorageHarness, StorageSite } from "./harness.ts";
import { Subject } from "./subject.ts";

/** Makes cases that begin with an open, empty storage, and clean up however they end. */
export type CaseMaker<Site extends StorageSite> = (
  promise: string,
  name: string,
  body: (subject: Subject<Site>) => Promise<void>,
) => Case;

export function caseMaker<Site extends StorageSite>(harness: StorageHarness<Site>): CaseMaker<Site> {
  return (promise, name, body) =>
    defineCase(promise, name, async (witness) => {
      const subject = new Subject(await harness.create(), witness);
      try {
        await subject.open();
        await body(subject);
        await subject.close();
      } finally {
        await release(subject);
      }
    });
}

/** After a failure the storage is in nobody knows what state: letting go of it must not hide why. */
async function release(subject: Subject): Promise<void> {
  await Promise.allSettled([subject.close()]);
  await subject.site.dispose?.();
}
