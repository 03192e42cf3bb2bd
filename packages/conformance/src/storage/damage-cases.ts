import type { Case } from "../common/case.ts";
import type { StorageDamage, StorageHarness, StorageSite } from "./harness.ts";
import { append, entries } from "./steps.ts";
import type { CaseMaker } from "./storage-case.ts";
import { CRAFTED_WORKLOAD } from "./workload.ts";

/** One case for each damage that the harness can inflict. */
export function damageCases<Site extends StorageSite>(
  make: CaseMaker<Site>,
  harness: StorageHarness<Site>,
): readonly Case[] {
  return (harness.damages ?? []).map((damage) => damageCase(make, damage));
}

function damageCase<Site extends StorageSite>(make: CaseMaker<Site>, damage: StorageDamage<Site>): Case {
  return make("Storage.open", `open refuses ${damage.name}, and changes nothing`, async (subject) => {
    const { site, witness } = subject;
    await subject.take(...CRAFTED_WORKLOAD, append(...entries(25, 7, 2000, 10)));
    await subject.close();
    const sound = await site.contents?.();
    await damage.inflict(site);
    const damaged = await site.contents?.();
    witness.did(`inflict ${damage.name}`);
    if (sound !== undefined) witness.check(sound !== damaged, "a damage that changes the place", "no change");
    // Twice: what refuses once and then accepts has changed something, whatever its bytes say.
    for (const attempt of ["first", "second"]) {
      const storage = site.storage();
      await witness.rejects(storage.open(), `the ${attempt} open`);
      await Promise.allSettled([storage.close()]);
      witness.check(
        (await site.contents?.()) === damaged,
        "the refusal changed nothing",
        "other bytes than before",
      );
    }
  });
}
