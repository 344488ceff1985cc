import { markMembers } from "../memberships/references.js";
import { subjectOf, without } from "../step/links.js";
import { linkedTo, unlinkedAccount } from "../step/same-account.js";
import type { Step } from "../step/step.js";

/**
 * Looks for the accounts of creates that were begun and not confirmed, because the process or the store ended in
 * between.
 */
export async function recoverIntents(step: Step): Promise<void> {
  const { links } = step.target;
  for (;;) {
    const intended = await links.list(step.source, { intended: true }, { count: 500 });
    if (intended.length === 0) return;
    for (const link of intended) {
      const name = link.intent?.name;
      const created = name === undefined ? undefined : await unlinkedAccount(step, link.type, name);
      const settled = { ...without(link, "intent"), dirty: true };
      if (created === undefined || link.resourceId !== undefined) {
        await step.links.replace([settled]);
        continue;
      }
      const recovered = await linkedTo(step, { ...settled, adopted: false }, created);
      if (link.type === "Group") await markMembers(step, link.sourceId);
      await step.links.replace([recovered]);
      step.outcomes.push({ kind: "created", ...subjectOf(recovered) });
    }
  }
}
