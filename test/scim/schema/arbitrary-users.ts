import { enterpriseUserId, type NewUser } from "concordat/scim";
import fc from "fast-check";

const userId = "urn:ietf:params:scim:schemas:core:2.0:User";
const text = fc.string({ minLength: 1, maxLength: 8 });

const email = fc.record(
  {
    value: fc.constantFrom("a@example.com", "b@example.com", "A@EXAMPLE.COM", "c@example.com"),
    type: fc.constantFrom("work", "home", "other"),
    display: text,
  },
  { requiredKeys: ["value"] },
);

/** Lists of which at most one value is the primary one. */
const emails = fc
  .tuple(
    fc.uniqueArray(email, {
      minLength: 1,
      maxLength: 4,
      selector: ({ value, type }) => `${value.toLowerCase()} ${type}`,
    }),
    fc.option(fc.nat(3)),
  )
  .map(([list, primary]) =>
    list.map((one, index) => (index === primary ? { ...one, primary: true } : one)),
  );

const name = fc
  .record({ familyName: text, givenName: text, formatted: text }, { requiredKeys: [] })
  .filter((value) => Object.keys(value).length > 0);

const manager = fc.record({ value: text, $ref: fc.webUrl() }, { requiredKeys: ["value"] });
const enterprise = fc
  .record({ department: text, employeeNumber: text, manager }, { requiredKeys: [] })
  .filter((value) => Object.keys(value).length > 0);

/** Users as a client may send them, canonical but for `schemas`. Few values, so that two users have some in common. */
export const userRequest: fc.Arbitrary<NewUser> = fc
  .record(
    {
      schemas: fc.constant([userId]),
      userName: text,
      externalId: text,
      title: text,
      active: fc.boolean(),
      name,
      emails,
      [enterpriseUserId]: enterprise,
    },
    { requiredKeys: ["schemas", "userName"] },
  )
  .filter(({ userName }) => userName.isWellFormed());

/** Objects with a user's names, in any case, and any values. */
export const looseUser: fc.Arbitrary<object> = fc.dictionary(
  fc.constantFrom(
    "schemas",
    "userName",
    "USERNAME",
    "name",
    "emails",
    "active",
    "members",
    "meta",
    "password",
    "x509Certificates",
    enterpriseUserId,
    "__proto__",
    "constructor",
  ),
  fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom("value", "VALUE", "primary", "manager", "__proto__"),
      fc.jsonValue(),
    ),
  ),
);
