import { isIP } from "node:net";
import { isNetwork, Networks } from "../../transport/address.js";
import type { UserFacts } from "../condition-source.js";
import type { Facts } from "../facts.js";
import type { ConditionType, Decide, Outcome } from "./condition-type.js";
import { infoOf, keyed, number, oneOf, singly } from "./values.js";

/** The conditions about a request, and about the user whom it is about or who makes it. */
export const requestConditions: Readonly<Record<string, ConditionType>> = {
  client_ip: { uncheckable: true, read: clientIp },
  realm: { uncheckable: false, read: realm },
  resolver: {
    uncheckable: false,
    read: (value) =>
      oneOf(value, async (facts) =>
        singly((await facts.user())?.resolver ?? facts.subject.resolver),
      ),
  },
  user_info: { uncheckable: false, read: (value) => keyed(value, infoOf(ofUser("info"))) },
  user_token_number: { uncheckable: true, read: (value) => number(value, ofUser("tokenCount")) },
  user_container_number: {
    uncheckable: true,
    read: (value) => number(value, ofUser("containerCount")),
  },
  logged_in_user: {
    uncheckable: (value) => value === "user",
    read: (value) => async (facts) => {
      const known = await facts.role();
      return known === undefined ? undefined : known === value;
    },
  },
};

/** The client's address in one of the networks, and in none that a `!` or `-` excludes. */
function clientIp(value: string): Decide {
  const parts = value
    .split(",")
    .map((part) => withoutNetmask(part.trim()))
    .filter((part) => part !== "");
  const bare = (part: string): string => part.replace(/^[-!]/, "");
  if (parts.length === 0 || !parts.every((part) => isNetwork(bare(part)))) {
    throw new SyntaxError(
      'it is a list of addresses and networks, such as "10.0.0.0/8, !10.1.2.3".',
    );
  }
  const included = new Networks(parts.filter((part) => bare(part) === part));
  const excluded = new Networks(parts.filter((part) => bare(part) !== part).map(bare));
  return ({ clientAddress }) => {
    if (clientAddress === undefined || isIP(clientAddress) === 0) return undefined;
    return included.has(clientAddress) && !excluded.has(clientAddress);
  };
}

/**
 * A network with its netmask, or with what that leaves of an address, in CIDR notation: `10.0.0.0/255.0.0.0` is
 * `10.0.0.0/8`.
 */
function withoutNetmask(network: string): string {
  const [address = "", mask = ""] = network.split("/");
  if (isIP(mask) !== 4) return network;
  const bits = mask
    .split(".")
    .map((byte) => Number(byte).toString(2).padStart(8, "0"))
    .join("");
  const [prefix] = /^1*(?=0*$)/.exec(bits) ?? /^0*(?=1*$)/.exec(bits) ?? [];
  return prefix === undefined ? network : `${address}/${prefix.length}`;
}

function realm(value: string): Decide {
  const expected = value.split(",").map((one) => one.trim().toLowerCase());
  const isOne = (known: string | undefined): Outcome =>
    known === undefined ? undefined : expected.includes(known.toLowerCase());
  return (facts) =>
    facts.knowsUsers
      ? facts.user().then((user) => isOne(user?.realm ?? facts.subject.realm))
      : isOne(facts.subject.realm);
}

function ofUser<K extends keyof UserFacts>(name: K) {
  return async (facts: Facts): Promise<UserFacts[K] | undefined> => (await facts.user())?.[name];
}
