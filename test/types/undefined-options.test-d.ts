import type { ChangeLogOptions, PublishOptions } from "concordat/change-log";
import type { ChangeStream, ReplayOptions } from "concordat/changes";
import type { FederateOptions } from "concordat/federation";
import type {
  GroupColumns,
  GroupMap,
  IdColumn,
  KyselyChangeLogOptions,
  KyselyGroupOptions,
  KyselyTargetOptions,
  KyselyUserOptions,
  MappedColumn,
  MemberMap,
  UserColumns,
  UserMap,
} from "concordat/kysely";
import type { ProfileChanges, WatchOptions } from "concordat/ldap";
import type { NatsChangeLogOptions } from "concordat/nats";
import type {
  CallOptions,
  InMemoryChangeLogOptions,
  Query,
  ReadOptions,
  WriteOptions,
} from "concordat/repositories";
import type {
  AttributePath,
  groupDefinition,
  SqlColumn,
  SqlJson,
  SqlValueTable,
  userDefinition,
} from "concordat/scim";
import type {
  ResourceQuery,
  ScimClientOptions,
  ScimClientTls,
  StatedCapabilities,
  Wanted,
} from "concordat/scim-client";
import type { ScimServerOptions } from "concordat/scim-server";
import type { HttpSignerOptions, RequestVerifierOptions } from "concordat/signing";
import type { SignOnClientOptions, SignOnErrorOptions, SignOnServerOptions } from "concordat/sso";
import type { SynchronizeOptions } from "concordat/sync";
import type { DirectoryOptions } from "concordat/testing/directory";
import type { ChildOptions } from "concordat/testing/federation";
import { describe, expectTypeOf, test } from "vitest";

/** The keys of options that may be left out, and may not be `undefined`, but for the methods. */
type Strict<O> = {
  [K in keyof O]-?: object extends Pick<O, K>
    ? { [P in K]: undefined } extends Pick<O, K>
      ? never
      : NonNullable<O[K]> extends (...args: never[]) => unknown
        ? never
        : K
    : never;
}[keyof O];

/** The same options, of which each may be `undefined`, callbacks too. */
type Lax<O> = { [K in keyof O]: O[K] | undefined };

// Under `exactOptionalPropertyTypes`, `basePath: process.env.BASE_PATH` is an error where this is not so.
describe("an option that may be left out may also be undefined", () => {
  test("or else it is found here", () => {
    expectTypeOf<
      Strict<{ readonly strict?: string; readonly lax?: string | undefined }>
    >().toEqualTypeOf<"strict">();
  });

  test("in every room", () => {
    expectTypeOf<Strict<ReplayOptions>>().toBeNever();
    expectTypeOf<Strict<FederateOptions>>().toBeNever();
    expectTypeOf<Strict<KyselyTargetOptions<unknown>>>().toBeNever();
    expectTypeOf<Strict<WatchOptions>>().toBeNever();
    expectTypeOf<Strict<ProfileChanges>>().toBeNever();
    expectTypeOf<Strict<ScimClientOptions>>().toBeNever();
    expectTypeOf<Strict<ScimServerOptions>>().toBeNever();
    expectTypeOf<Strict<HttpSignerOptions>>().toBeNever();
    expectTypeOf<Strict<RequestVerifierOptions>>().toBeNever();
    expectTypeOf<Strict<SignOnClientOptions>>().toBeNever();
    expectTypeOf<Strict<Omit<SignOnErrorOptions, "cause">>>().toBeNever();
    expectTypeOf<Strict<SignOnServerOptions>>().toBeNever();
    expectTypeOf<Strict<SynchronizeOptions>>().toBeNever();
    expectTypeOf<Strict<PublishOptions>>().toBeNever();
    expectTypeOf<Strict<ChangeLogOptions>>().toBeNever();
    expectTypeOf<Strict<NatsChangeLogOptions>>().toBeNever();
    expectTypeOf<Strict<InMemoryChangeLogOptions>>().toBeNever();
    expectTypeOf<Strict<KyselyChangeLogOptions>>().toBeNever();
    expectTypeOf<Strict<KyselyUserOptions>>().toBeNever();
    expectTypeOf<Strict<KyselyGroupOptions>>().toBeNever();
    expectTypeOf<Strict<UserMap>>().toBeNever();
    expectTypeOf<Strict<GroupMap>>().toBeNever();
    expectTypeOf<Strict<MemberMap>>().toBeNever();
    expectTypeOf<Strict<IdColumn>>().toBeNever();
    expectTypeOf<Strict<MappedColumn>>().toBeNever();
    expectTypeOf<Strict<ScimClientTls>>().toBeNever();
    expectTypeOf<Strict<StatedCapabilities>>().toBeNever();
    expectTypeOf<Strict<ResourceQuery>>().toBeNever();
    expectTypeOf<Strict<Wanted>>().toBeNever();
    expectTypeOf<Strict<SqlColumn>>().toBeNever();
    expectTypeOf<Strict<SqlValueTable>>().toBeNever();
    expectTypeOf<Strict<SqlJson>>().toBeNever();
    expectTypeOf<Strict<DirectoryOptions>>().toBeNever();
    expectTypeOf<Strict<ChildOptions>>().toBeNever();
  });

  test("in the calls of a store and of a stream", () => {
    type OfCall<M extends "read" | "reread" | "lagBehind"> = NonNullable<
      Parameters<NonNullable<ChangeStream[M]>>[M extends "read" ? 0 : 1]
    >;
    expectTypeOf<Strict<Query>>().toBeNever();
    expectTypeOf<CallOptions>().toEqualTypeOf<Lax<CallOptions>>();
    expectTypeOf<ReadOptions>().toEqualTypeOf<Lax<ReadOptions>>();
    expectTypeOf<WriteOptions>().toEqualTypeOf<Lax<WriteOptions>>();
    expectTypeOf<Strict<OfCall<"read">>>().toBeNever();
    expectTypeOf<Strict<OfCall<"reread">>>().toBeNever();
    expectTypeOf<Strict<OfCall<"lagBehind">>>().toBeNever();
  });
});

describe("the columns of a map", () => {
  type Path<D extends typeof userDefinition | typeof groupDefinition> =
    | AttributePath<D>
    | "externalId"
    | `urn:${string}`;

  test("are those of every attribute and sub-attribute of the schema, and of extensions", () => {
    expectTypeOf<keyof UserColumns>().toEqualTypeOf<Path<typeof userDefinition>>();
    expectTypeOf<keyof GroupColumns>().toEqualTypeOf<Path<typeof groupDefinition>>();
  });

  test("are no others", () => {
    // @ts-expect-error: a user has no such attribute.
    const columns: UserColumns = { nickname: "nick" };
    expectTypeOf(columns).toExtend<object>();
  });
});
