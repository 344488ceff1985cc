import { enterpriseUserId, type NewUser } from "../../scim/index.js";
import type { DirectoryEntry } from "./entry.js";
import type { Computed, DirectoryProfile } from "./profile.js";

/**
 * Users and groups of Active Directory Domain Services, without the accounts of computers and of trusts.
 *
 * `userName` is the `sAMAccountName`, which every user has and which is unique in a domain. It has to be what the
 * application's sign-in delivers: with `profile()`, name `userPrincipalName` or {@link kerberosPrincipal} instead.
 *
 * `active` is false of an account that is disabled or has expired. One that is locked out after wrong passwords stays
 * active, or anybody could have a colleague disabled.
 */
export const activeDirectory: DirectoryProfile = {
  name: "activeDirectory",
  userClasses: ["user"],
  groupClasses: ["group"],
  filter: "(&(!(sAMAccountType=805306369))(!(sAMAccountType=805306370)))",
  uid: "sAMAccountName",
  user: {
    userName: "sAMAccountName",
    externalId: (entry) => entry.id,
    active: { reads: ["userAccountControl", "accountExpires"], value: isActive },
    name: { formatted: "displayName", familyName: "sn", givenName: "givenName" },
    displayName: {
      reads: ["displayName", "cn"],
      value: (entry) => entry.text("displayName") ?? entry.text("cn"),
    },
    title: "title",
    preferredLanguage: "preferredLanguage",
    emails: { reads: ["mail", "proxyAddresses"], value: emails },
    phoneNumbers: { reads: ["telephoneNumber", "mobile"], value: phoneNumbers },
    [enterpriseUserId]: {
      employeeNumber: {
        reads: ["employeeNumber", "employeeID"],
        value: (entry) => entry.text("employeeNumber") ?? entry.text("employeeID"),
      },
      organization: "company",
      department: "department",
      manager: {
        value: { reads: ["manager"], value: (entry) => entry.ids("manager")[0] },
      },
    },
  },
  group: {
    displayName: "sAMAccountName",
    externalId: (entry) => entry.id,
  },
  members: [{ attribute: "member", kind: "id" }],
  expiries: [
    {
      attribute: "accountExpires",
      read: readExpiry,
      filter: (from, to) =>
        `(&(accountExpires>=${fileTime(from)})(accountExpires<=${fileTime(to)}))`,
    },
  ],
};

/**
 * The Kerberos principal of a user of Active Directory, such as `ann@EXAMPLE.COM`: the `sAMAccountName` in the realm,
 * which is the domain in capitals. For `userName`, where the sign-in delivers that.
 */
export const kerberosPrincipal: Computed<string> = {
  reads: ["sAMAccountName"],
  value: (entry) => {
    const account = entry.text("sAMAccountName");
    const labels = entry.dn.match(/(?<=(?:^|,)\s*DC=)[^,]+/gi);
    return account === undefined || labels === null
      ? undefined
      : `${account}@${labels.join(".").toUpperCase()}`;
  },
};

/** Bits of userAccountControl (MS-ADTS 2.2.16). */
const accountDisabled = 0x0002;

function isActive(entry: DirectoryEntry): boolean {
  const control = entry.text("userAccountControl");
  if (control === undefined) {
    throw new Error(
      "this account may not read userAccountControl, so that who is disabled would be taken for active",
    );
  }
  if ((Number(control) & accountDisabled) !== 0) return false;
  const expires = entry.text("accountExpires");
  const expiry = expires === undefined ? undefined : readExpiry(expires);
  return expiry === undefined || expiry > Date.now();
}

/** The greatest number of all stands for never, and so does 0 (MS-ADA1 2.2). */
const never: ReadonlySet<string> = new Set(["0", "9223372036854775807"]);
/** From 1601, from which times are counted, to the epoch, in units of 100 ns. */
const epoch = 116_444_736_000_000_000n;

/** A time in units of 100 ns since 1601, in milliseconds since the epoch; undefined of one that never comes. */
function readExpiry(value: string): number | undefined {
  if (never.has(value) || !/^\d{1,19}$/.test(value)) return undefined;
  return Number((BigInt(value) - epoch) / 10_000n);
}

/** A time in milliseconds since the epoch in units of 100 ns since 1601. */
function fileTime(moment: number): bigint {
  return BigInt(Math.round(moment)) * 10_000n + epoch;
}

/** The address of `mail` first, or else the one that Exchange calls primary: `SMTP:` in capitals. */
function emails(entry: DirectoryEntry): NewUser["emails"] | null {
  const mail = entry.text("mail");
  const others = entry.texts("proxyAddresses").filter((address) => /^smtp:/i.test(address));
  const primary = others.filter((address) => address.startsWith("SMTP:"));
  const rest = others.filter((address) => !address.startsWith("SMTP:")).sort();
  const all = [...(mail === undefined ? [] : [mail]), ...[...primary, ...rest].map(withoutType)];
  const seen = new Set<string>();
  const distinct = all.filter((address) => {
    const folded = address.toLowerCase();
    return !seen.has(folded) && seen.add(folded);
  });
  if (distinct.length === 0) return null;
  return distinct.map((value, index) =>
    index === 0 ? { value, type: "work", primary: true } : { value, type: "work" },
  );
}

function withoutType(address: string): string {
  return address.slice("smtp:".length);
}

function phoneNumbers(entry: DirectoryEntry): NewUser["phoneNumbers"] | null {
  const work = entry.texts("telephoneNumber").map((value) => ({ value, type: "work" }));
  const mobile = entry.texts("mobile").map((value) => ({ value, type: "mobile" }));
  return work.length + mobile.length === 0 ? null : [...work, ...mobile];
}
