import {
  type AttributePath,
  defineResourceType,
  defineSchema,
  type EnterpriseUser,
  enterpriseUserId,
  type Group,
  type GroupMember,
  groupSchema,
  type Infer,
  type InferRequest,
  type InferResource,
  type InferResourceRequest,
  type NewEnterpriseUser,
  type NewGroup,
  type NewUser,
  type Resource,
  type Schema,
  type User,
  type userDefinition,
  type userResourceType,
  userSchema,
} from "concordat/scim";
import { describe, expectTypeOf, test } from "vitest";

describe("users", () => {
  test("a password can be sent, and never read", () => {
    expectTypeOf<User>().not.toHaveProperty("password");
    expectTypeOf<NewUser["password"]>().toEqualTypeOf<string | undefined>();
  });

  test("what is readOnly can be read, and never sent", () => {
    expectTypeOf<User>().toHaveProperty("groups");
    expectTypeOf<NewUser>().not.toHaveProperty("groups");
    expectTypeOf<User["id"]>().toEqualTypeOf<string>();
    expectTypeOf<NewUser>().not.toHaveProperty("id");
    expectTypeOf<NewUser>().not.toHaveProperty("meta");
    expectTypeOf<NewUser["externalId"]>().toEqualTypeOf<string | undefined>();
  });

  test("what is required is there, and what is not may be absent but is never undefined", () => {
    expectTypeOf<User["userName"]>().toEqualTypeOf<string>();
    expectTypeOf<NewUser["userName"]>().toEqualTypeOf<string>();
    expectTypeOf({ userName: "bjensen" }).toExtend<NewUser>();
    // @ts-expect-error: the userName is required.
    const nameless: NewUser = { displayName: "Babs" };
    // @ts-expect-error: an unassigned attribute is absent.
    const unassigned: NewUser = { userName: "bjensen", title: undefined };
    expectTypeOf([nameless, unassigned]).toExtend<unknown[]>();
  });

  test("everything is readonly, at every depth", () => {
    const user: User = { id: "1", userName: "bjensen", emails: [{ value: "b@example.com" }] };
    // @ts-expect-error: an attribute is readonly.
    user.userName = "other";
    // @ts-expect-error: a list is readonly.
    user.emails?.push({ value: "c@example.com" });
    const email = user.emails?.[0];
    // @ts-expect-error: a sub-attribute is readonly.
    if (email) email.value = "c@example.com";
  });

  test("each data type has its JSON type, and canonical values are suggestions", () => {
    expectTypeOf<User["active"]>().toEqualTypeOf<boolean | undefined>();
    expectTypeOf<User["profileUrl"]>().toEqualTypeOf<string | undefined>();
    type Certificate = NonNullable<User["x509Certificates"]>[number];
    expectTypeOf<Certificate["value"]>().toEqualTypeOf<string | undefined>();
    type Email = NonNullable<User["emails"]>[number];
    expectTypeOf<"work">().toExtend<Email["type"]>();
    expectTypeOf<string>().toExtend<Email["type"]>();
    expectTypeOf<number>().not.toExtend<Email["type"]>();
  });

  test("the enterprise extension hangs on its URN", () => {
    expectTypeOf<User[typeof enterpriseUserId]>().toEqualTypeOf<EnterpriseUser | undefined>();
    expectTypeOf<NewUser[typeof enterpriseUserId]>().toEqualTypeOf<NewEnterpriseUser | undefined>();
    const user: User = {
      id: "1",
      userName: "bjensen",
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        employeeNumber: "701984",
        manager: { value: "26118915", displayName: "John Smith" },
      },
    };
    expectTypeOf(user[enterpriseUserId]?.manager?.displayName).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: the manager's displayName is readOnly.
    expectTypeOf<NonNullable<NewEnterpriseUser["manager"]>["displayName"]>().toBeString();
  });
});

describe("groups", () => {
  test("a group has a name, and members that say who they are", () => {
    expectTypeOf<NewGroup["displayName"]>().toEqualTypeOf<string>();
    expectTypeOf<Group["members"]>().toEqualTypeOf<readonly GroupMember[] | undefined>();
    expectTypeOf<GroupMember["value"]>().toEqualTypeOf<string>();
    expectTypeOf<keyof GroupMember>().toEqualTypeOf<"value" | "$ref" | "type" | "display">();
    expectTypeOf<keyof NewGroup>().toEqualTypeOf<
      "schemas" | "externalId" | "displayName" | "members"
    >();
  });
});

describe("a host's own schema", () => {
  const badgeSchema = defineSchema({
    id: "urn:example:Badge",
    name: "Badge",
    attributes: {
      number: { type: "integer", required: true },
      colours: { multiValued: true, canonicalValues: ["red", "blue"] },
      pin: { mutability: "writeOnly" },
      issued: { type: "dateTime", required: true, mutability: "readOnly" },
      doors: {
        type: "complex",
        multiValued: true,
        subAttributes: {
          value: { type: "string", required: true },
          weight: { type: "decimal" },
          opened: { type: "boolean", mutability: "readOnly" },
        },
      },
    },
  });

  test("is typed as it is read and as it is sent", () => {
    type Door = { readonly value: string; readonly weight?: number; readonly opened?: boolean };
    type Badge = Infer<typeof badgeSchema>;
    expectTypeOf<Pick<Badge, "number" | "issued" | "doors">>().toEqualTypeOf<{
      readonly number: number;
      readonly issued: string;
      readonly doors?: readonly Door[];
    }>();
    expectTypeOf<keyof Badge>().toEqualTypeOf<"number" | "issued" | "doors" | "colours">();
    expectTypeOf<"red" | "green">().toExtend<NonNullable<Badge["colours"]>[number]>();

    type BadgeRequest = InferRequest<typeof badgeSchema>;
    expectTypeOf<keyof BadgeRequest>().toEqualTypeOf<"number" | "pin" | "doors" | "colours">();
    expectTypeOf<BadgeRequest["doors"]>().toEqualTypeOf<
      readonly Omit<Door, "opened">[] | undefined
    >();
  });

  test("can extend a user", () => {
    interface StaffUser extends User {
      readonly "urn:example:Badge"?: Infer<typeof badgeSchema>;
    }
    expectTypeOf<StaffUser>().toExtend<User>();
    expectTypeOf<NonNullable<StaffUser["urn:example:Badge"]>["number"]>().toBeNumber();
  });

  test("is refused by the compiler where RFC 7643 does not allow it", () => {
    const refused = (): unknown => [
      // @ts-expect-error: there is no such mutability.
      defineSchema({ id: "a:b", name: "", attributes: { a: { mutability: "readonly" } } }),
      // @ts-expect-error: a reference says what it may refer to.
      defineSchema({ id: "a:b", name: "", attributes: { a: { type: "reference" } } }),
      // @ts-expect-error: a description belongs to an attribute.
      defineSchema({ id: "a:b", name: "", attributes: { a: {} } }, { b: "Nothing." }),
      defineSchema({
        id: "a:b",
        name: "",
        attributes: {
          a: {
            type: "complex",
            // @ts-expect-error: a sub-attribute is never complex.
            subAttributes: { b: { type: "complex", subAttributes: {} } },
          },
        },
      }),
    ];
    expectTypeOf(refused).toBeFunction();
  });
});

describe("schemas", () => {
  test("every schema is a Schema, whose resources are unknown until it is known", () => {
    expectTypeOf(userSchema).toExtend<Schema>();
    expectTypeOf(groupSchema.id).toEqualTypeOf<"urn:ietf:params:scim:schemas:core:2.0:Group">();
    expectTypeOf<Infer<Schema>>().toEqualTypeOf<{ readonly [name: string]: unknown }>();
  });

  test("a path names an attribute or a sub-attribute", () => {
    type Path = AttributePath<typeof userDefinition>;
    expectTypeOf<"name" | "name.familyName" | "groups.$ref">().toExtend<Path>();
    expectTypeOf<"name.surname">().not.toExtend<Path>();
  });

  test("every resource has the common attributes", () => {
    expectTypeOf<keyof Resource>().toEqualTypeOf<"schemas" | "id" | "externalId" | "meta">();
    expectTypeOf<User>().toExtend<Resource>();
    expectTypeOf<Group>().toExtend<Resource>();
  });
});

describe("resource types", () => {
  test("a resource has the attributes of its type, those of the extensions under their URIs", () => {
    type TypedUser = InferResource<typeof userResourceType>;
    expectTypeOf<TypedUser>().toExtend<User>();
    expectTypeOf<User>().toExtend<TypedUser>();
    expectTypeOf<InferResourceRequest<typeof userResourceType>>().toExtend<NewUser>();
    expectTypeOf<NewUser>().toExtend<InferResourceRequest<typeof userResourceType>>();
  });

  test("a required extension is there", () => {
    const badgeSchema = defineSchema({
      id: "urn:example:Badge",
      name: "Badge",
      attributes: { number: { type: "integer", required: true }, pin: { mutability: "writeOnly" } },
    });
    const staffType = defineResourceType({
      name: "User",
      endpoint: "/Users",
      schema: userSchema,
      schemaExtensions: [{ schema: badgeSchema, required: true }],
    });
    type Staff = InferResource<typeof staffType>;
    expectTypeOf<Staff["urn:example:Badge"]["number"]>().toEqualTypeOf<number>();
    expectTypeOf<Staff["urn:example:Badge"]>().not.toHaveProperty("pin");
    type NewStaff = InferResourceRequest<typeof staffType>;
    expectTypeOf<NewStaff["urn:example:Badge"]["pin"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<NewStaff>().not.toHaveProperty("id");
    expectTypeOf<typeof enterpriseUserId>().not.toExtend<keyof Staff>();
  });
});
