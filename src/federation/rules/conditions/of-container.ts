import type { ContainerFacts } from "../condition-source.js";
import type { Facts } from "../facts.js";
import type { ConditionType, Decide } from "./condition-type.js";
import { age, flag, infoOf, keyed, oneOf } from "./values.js";

/** The conditions about a container. */
export const containerConditions: Readonly<Record<string, ConditionType>> = {
  container_state: { uncheckable: true, read: (value) => containerStates(value, false) },
  container_exact_state: { uncheckable: true, read: (value) => containerStates(value, true) },
  container_has_owner: { uncheckable: true, read: (value) => flag(value, ofContainer("hasOwner")) },
  container_has_token: { uncheckable: true, read: (value) => flag(value, ofContainer("hasToken")) },
  container_type: {
    uncheckable: true,
    read: (value) => async (facts) => {
      const type = (await facts.container())?.type;
      return type === undefined ? undefined : type === value;
    },
  },
  container_realm: { uncheckable: true, read: (value) => oneOf(value, ofContainer("realms")) },
  container_resolver: {
    uncheckable: true,
    read: (value) => oneOf(value, ofContainer("resolvers")),
  },
  container_info: {
    uncheckable: true,
    read: (value) => keyed(value, infoOf(ofContainer("info"))),
  },
  container_last_authentication: {
    uncheckable: true,
    read: (value) => containerAge(value, "lastAuthentication"),
  },
  container_last_synchronization: {
    uncheckable: true,
    read: (value) => containerAge(value, "lastSynchronization"),
  },
};

/** Every state that is named, and, where `isExact`, no other. */
function containerStates(value: string, isExact: boolean): Decide {
  const expected = value.split(",").map((state) => state.trim());
  return async (facts) => {
    const states = (await facts.container())?.states;
    if (states === undefined) return undefined;
    const hasAll = expected.every((state) => states.includes(state));
    return hasAll && (!isExact || states.length === expected.length);
  };
}

function containerAge(value: string, name: "lastAuthentication" | "lastSynchronization"): Decide {
  const dated = async (facts: Facts): Promise<{ readonly date: Date | undefined } | undefined> => {
    const container = await facts.container();
    return container === undefined ? undefined : { date: container[name] };
  };
  // The documentation of privacyIDEA says that older ones fulfil it. In fact newer ones do.
  return age(value, dated, (actual, limit) => actual < limit);
}

function ofContainer<K extends keyof ContainerFacts>(name: K) {
  return async (facts: Facts): Promise<ContainerFacts[K] | undefined> =>
    (await facts.container())?.[name];
}
