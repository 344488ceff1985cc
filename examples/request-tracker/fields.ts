import { InvalidValueError } from "concordat";
import type { CallOptions } from "concordat/repositories";
import type { NewUser, User } from "concordat/scim";
import { textOf } from "./client.ts";

/** What Request Tracker says of a user. */
export type Stored = Readonly<Record<string, unknown>>;

/** The fields of a user that are written here. */
export interface Fields<T = string> {
  readonly Name: T;
  readonly EmailAddress: T;
  readonly RealName: T;
  readonly NickName: T;
  readonly Lang: T;
  readonly WorkPhone: T;
  readonly MobilePhone: T;
}

/** Their names. */
export const fieldNames = [
  ...["Name", "EmailAddress", "RealName", "NickName", "Lang", "WorkPhone", "MobilePhone"],
] as (keyof Fields)[];

/** Attributes by the name that leads to them, for what is ignored. */
const kept = new Set([
  ...["schemas", "id", "meta", "userName", "active", "displayName", "name", "emails", "nickName"],
  ...["preferredLanguage", "phoneNumbers", "password"],
]);

/** Which attribute a field is of, for what is refused. */
export const attributeOf: Readonly<Record<string, string>> = {
  Name: "userName",
  EmailAddress: "emails.value",
  RealName: "displayName",
  NickName: "nickName",
  Lang: "preferredLanguage",
  WorkPhone: "phoneNumbers.value",
  MobilePhone: "phoneNumbers.value",
  Disabled: "active",
};

/** How many characters a field holds. What is longer, Request Tracker cuts, and answers that it is done. */
const lengths: Fields<number> = {
  Name: 200,
  EmailAddress: 120,
  RealName: 120,
  NickName: 16,
  Lang: 16,
  WorkPhone: 30,
  MobilePhone: 30,
};

/** Refuses text that would come back as another one. */
export function assertFits(fields: Fields): void {
  for (const name of fieldNames) assertText(attributeOf[name] ?? name, fields[name], lengths[name]);
}

/** Refuses text that Request Tracker cuts, trims or cannot store. */
export function assertText(path: string, text: string, length: number): void {
  if (text.length > length) {
    throw new InvalidValueError(path, `Request Tracker has room for ${length} characters.`);
  }
  // Control characters, half surrogate pairs, and whatever is beyond the basic plane.
  if (/\p{Cc}|\p{Cs}|[\u{10000}-\u{10ffff}]/u.test(text)) {
    throw new InvalidValueError(path, "it has characters that Request Tracker cannot store.");
  }
}

/** Whether a user is enabled. */
export function isEnabled(stored: Stored): boolean {
  return textOf(stored["Disabled"]) !== "1";
}

/** The fields of a user. */
export function fieldsFrom(user: NewUser | User): Fields {
  const emails = user.emails ?? [];
  const email = emails.find(({ primary }) => primary === true) ?? emails[0];
  const numbers = user.phoneNumbers ?? [];
  const mobile = numbers.find(({ type }) => type === "mobile");
  // One that does not say of what type it is stands for the one at work.
  const work = numbers.find(({ type }) => type === "work" || type === undefined);
  return {
    Name: user.userName,
    EmailAddress: email?.value ?? "",
    RealName: user.displayName ?? user.name?.formatted ?? "",
    NickName: user.nickName ?? "",
    Lang: user.preferredLanguage ?? "",
    WorkPhone: work?.value ?? "",
    MobilePhone: mobile?.value ?? "",
  };
}

/** The fields that have a value. */
export function given(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}

/** The user that is stored. */
export function toUser(id: string, stored: Stored): User {
  const text = (name: keyof Fields) => textOf(stored[name]);
  const numbers = [
    { type: "work", value: text("WorkPhone") },
    { type: "mobile", value: text("MobilePhone") },
  ].filter(({ value }) => value !== "");
  return {
    id,
    meta: { resourceType: "User" },
    userName: text("Name"),
    active: isEnabled(stored),
    ...(text("RealName") === "" ? {} : { displayName: text("RealName") }),
    ...(text("EmailAddress") === "" ? {} : { emails: [{ value: text("EmailAddress") }] }),
    ...(text("NickName") === "" ? {} : { nickName: text("NickName") }),
    ...(text("Lang") === "" ? {} : { preferredLanguage: text("Lang") }),
    ...(numbers.length === 0 ? {} : { phoneNumbers: numbers }),
  };
}

/** Of the parts of a name, only the whole has a field, and only where there is no `displayName`. */
function ignoredOfName({ name = {}, displayName }: NewUser | User): readonly string[] {
  return Object.keys(name)
    .filter((part) => part !== "formatted" || displayName !== undefined)
    .map((part) => `name.${part}`);
}

/** Says what Request Tracker has no field for. */
export function tellIgnored(user: NewUser | User, options: CallOptions | undefined): void {
  if (options?.onIgnored === undefined) return;
  const ignored = Object.entries(user).flatMap(([name, value]) =>
    value === undefined || kept.has(name) ? [] : [name],
  );
  if (user.name !== undefined) ignored.push(...ignoredOfName(user));
  if ((user.emails?.length ?? 0) > 1) ignored.push("emails");
  const { WorkPhone, MobilePhone } = fieldsFrom(user);
  const numbers = [WorkPhone, MobilePhone].filter((number) => number !== "").length;
  if ((user.phoneNumbers?.length ?? 0) > numbers) ignored.push("phoneNumbers");
  if (ignored.length > 0) options.onIgnored(ignored);
}
