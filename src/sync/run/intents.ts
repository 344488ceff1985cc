import { accountsOf } from "../accounts/accounts.js";
import { markOf, ownersOf } from "../accounts/same-account.js";
import { markMembers } from "../memberships/references.js";
import { subjectOf, without } from "../step/links.js";
import type { Step } from "../step/step.js";

/**
 * Looks for the accounts of creates that were begun and not confirmed, because the process or the store ended in between.
 * An account of the intended name that nobody is linked to is the one that was created: the name was free before.
 */
export async function recoverIntents(step: Step): Promise<void> {
  const { links } = step.target;
  for (;;) {
    const intended = await links.list(step.source, { intended: true }, { count: 500 });
    if (intended.length === 0) return;
    for (const link of intended) {
      const name = link.intent?.name;
      const accounts = accountsOf(step.target, link.type);
      const found = name === undefined ? [] : ((await accounts?.find(name)) ?? []);
      const owners = await ownersOf(step, link.type, found);
      const linked = new Set(owners.map((owner) => owner.resourceId));
      const created = found.find((account) => !linked.has(account.id));
      const settled = { ...without(link, "intent"), unsettled: true };
      if (created === undefined || link.resourceId !== undefined) {
        await links.save(step.source, [settled]);
        continue;
      }
      const recovered = {
        ...settled,
        resourceId: created.id,
        name: created.name,
        adopted: false,
        ...(await markOf(step, link.type, created.id)),
      };
      if (link.type === "Group") await markMembers(step, link.sourceId);
      await links.save(step.source, [recovered]);
      step.outcomes.push({ kind: "created", ...subjectOf(recovered) });
    }
  }
}
