import {
  type ConditionSource,
  conditionNames,
  EventPipeline,
  EventRequest,
  FederationError,
  readEventRules,
} from "concordat/federation";
import { describe, expect, test } from "vitest";
import { CountingHandler } from "./counting-handler.js";

const now = Date.parse("2026-11-22T12:00:00Z");

/** A host that knows everything. */
const host: Required<ConditionSource> = {
  user: async ({ user }) =>
    user === "alice"
      ? {
          realm: "Realm1",
          resolver: "ldap",
          info: { mail: "alice@example.com", groups: ["staff", "x"], since: "2026-01-01" },
          tokenCount: 2,
          containerCount: 1,
        }
      : undefined,
  token: async ({ serial, user }) =>
    serial === "HOTP1" || user === "alice"
      ? {
          serial: "HOTP1",
          type: "hotp",
          realms: ["realm1", "realm2"],
          resolvers: ["ldap"],
          isLocked: false,
          hasOwner: true,
          isOrphaned: false,
          isInValidityPeriod: true,
          isInContainer: false,
          rolloutState: "",
          otpCounter: 7,
          failCounter: 3,
          authenticationCount: 10,
          authenticationSuccessCount: 8,
          lastAuthentication: new Date(now - 2 * 3_600_000),
          info: { hashlib: "sha1", last: "2026-11-22 11:00:00.5+0000", n: "10" },
        }
      : undefined,
  container: async ({ containerSerial }) =>
    containerSerial === "SMPH1"
      ? {
          type: "smartphone",
          states: ["active", "lost"],
          hasOwner: true,
          hasToken: false,
          realms: ["realm1"],
          resolvers: [],
          info: { registration_state: "registered" },
          lastAuthentication: new Date(now - 60_000),
          lastSynchronization: new Date(now - 86_400_000),
        }
      : undefined,
  challenges: async ({ transactionId }) =>
    transactionId === undefined
      ? []
      : Array.from({ length: Number(transactionId) }, () => ({
          session: "enrollment",
          isExpired: false,
        })),
  counter: async (name) => (name === "logins" ? 1_000 : undefined),
  role: async () => "admin",
};

/** Whether a condition is fulfilled for a request, its answer, and a host. */
async function isFulfilled(
  name: string,
  value: unknown,
  {
    query = "user=alice&realm=realm1&serial=HOTP1&container_serial=SMPH1",
    answer = {},
    conditions = host,
    uncheckable = false,
    position = "post",
    address = "10.1.2.3",
  }: {
    readonly query?: string;
    readonly answer?: Record<string, unknown>;
    readonly conditions?: ConditionSource;
    readonly uncheckable?: boolean;
    readonly position?: "pre" | "post";
    readonly address?: string | null;
  } = {},
): Promise<boolean> {
  const handler = new CountingHandler();
  const pipeline = new EventPipeline({
    rules: readEventRules(
      [
        {
          name: "rule",
          handlermodule: "Counting",
          event: "validate_check",
          position,
          conditions: { [name]: value },
          action: "count",
          uncheckable,
        },
      ],
      [handler],
    ),
    handlers: [handler],
    conditions,
    clientOf: () => address ?? undefined,
    now: () => now,
  });
  const request = new EventRequest({
    method: "GET",
    target: `/validate/check?${query}`,
    fields: [],
    content: new Uint8Array(),
  });
  await pipeline.run("validate_check", request, async () => ({
    status: 200,
    fields: ["content-type", "application/json"],
    content: Buffer.from(JSON.stringify({ result: {}, ...answer })),
  }));
  return handler.count === 1;
}

const rejected = { result: { status: true, value: false, authentication: "REJECT" } };
const accepted = { result: { status: true, value: 1, authentication: "ACCEPT" } };
const failed = { detail: null, result: { status: false, error: { message: "ERR904: no user" } } };
const message = { ...rejected, detail: { message: "wrong otp value. previous otp used again" } };

/** A condition, values with which it is fulfilled, and values with which it is not. */
const known: readonly (readonly [string, readonly unknown[], readonly unknown[], object?])[] = [
  [
    "client_ip",
    ["10.0.0.0/8", "192.168.0.1, 10.1.2.3", "10.9.9.9/255.0.0.0"],
    ["10.1.0.0/16, !10.1.2.3", "11.0.0.0/8", "10.1.2.0/0.0.0.1"],
  ],
  ["realm", ["realm1", "other,REALM1"], ["other"]],
  ["resolver", ["ldap", "sql, ldap"], ["sql"]],
  [
    "user_info",
    [
      "mail == alice@example.com",
      "mail 'matches' alice@.*",
      "mail 'string_contains' EXAMPLE",
      "groups 'contains' staff",
      "since 'date_before' {now}",
      "since < {now}-30d",
    ],
    [
      "mail != alice@example.com",
      "mail 'matches' alice",
      "groups '!contains' staff",
      "mail 'contains' alice",
      "phone == 1",
      "phone != 1",
      "since 'date_within_last' 30d",
    ],
  ],
  ["user_token_number", ["2", ">1", "<3", "==2", "!=3", "'equals'2"], ["3", "<2", ">2"]],
  ["user_container_number", [1, "<2"], ["0", ">1"]],
  ["logged_in_user", ["admin"], ["user", "admin,user"]],
  ["result_value", ["False", "no", false], ["True", "1", true], { answer: rejected }],
  ["result_value", ["True", "true", "1", true], ["False"], { answer: accepted }],
  ["result_value", ["False"], ["True"], { answer: failed }],
  ["result_value", ["False"], ["True"], { answer: { result: { value: { auth: true } } } }],
  ["result_status", ["True"], ["False"], { answer: rejected }],
  ["result_status", ["False"], ["True"], { answer: failed }],
  ["result_authentication", ["REJECT"], ["ACCEPT", "reject"], { answer: rejected }],
  [
    "detail_message",
    ["previous otp", "^wrong.*again$", "(?i)WRONG"],
    ["^otp"],
    { answer: message },
  ],
  ["detail_error_message", ["ERR\\d+", "no user$"], ["ERR905"], { answer: failed }],
  [
    "detail_error_message",
    ["inner"],
    ["ERR904"],
    { answer: { ...failed, detail: { error: { message: "inner" } } } },
  ],
  [
    "challenge_session",
    ["challenge_declined"],
    ["enrollment"],
    { answer: { detail: { challenge_status: "declined" } } },
  ],
  [
    "challenge_session",
    ["challenge_declined"],
    ["enrollment"],
    { answer: { result: { authentication: "DECLINED" } } },
  ],
  ["challenge_session", ["enroll"], ["rollment"], { query: "transaction_id=1" }],
  ["challenge_session", [], ["enrollment"], { query: "transaction_id=2", uncheckable: true }],
  ["challenge_expired", ["False"], ["True"], { query: "transaction_id=1" }],
  ["challenge_expired", [], ["False", "True"], { query: "transaction_id=2", uncheckable: true }],
  ["serial", ["HOTP", "H.*1$"], ["OTP"]],
  ["serial", ["HOTP"], ["TOTP"], { query: "user=x", answer: { detail: { serial: "HOTP9" } } }],
  ["tokenrealm", ["realm2", "x,realm1"], ["realm3"]],
  ["tokenresolver", ["ldap"], ["sql"]],
  ["tokentype", ["hotp", "totp,hotp"], ["totp"]],
  ["token_locked", ["False", false], ["True"]],
  ["token_has_owner", ["True"], ["False"]],
  ["token_is_orphaned", ["False"], ["True"]],
  ["token_validity_period", ["True"], ["False"]],
  ["token_is_in_container", ["False"], ["True"]],
  ["rollout_state", ["", "enrolled"], ["clientwait"]],
  [
    "tokeninfo",
    [
      "hashlib == sha1",
      "hashlib 'in' sha1, sha256",
      "n > 9",
      "n <= 10",
      "last 'date_within_last' 2h",
      "last < {now}",
      "last > {now}-2h",
      "hashlib '!matches' sha2.*",
    ],
    ["hashlib == sha256", "n < 9", "last '!date_within_last' 2h", "none == 1"],
  ],
  ["last_auth", ["1h", "30m"], ["3h", "1d"]],
  ["otp_counter", ["7", ">6"], ["<7"]],
  ["failcounter", ["3"], [">3"]],
  ["count_auth", ["10"], ["11"]],
  ["count_auth_success", ["8"], ["10"]],
  ["count_auth_fail", ["2"], ["0"]],
  ["counter", ["logins > 999", "nobody_counts == 0"], ["logins > 1000"]],
  ["container_state", ["active", "lost,active"], ["disabled", "active,disabled"]],
  ["container_exact_state", ["lost,active"], ["active", "active,disabled"]],
  ["container_has_owner", ["True"], ["False"]],
  ["container_has_token", ["False"], ["True"]],
  ["container_type", ["smartphone"], ["generic"]],
  ["container_realm", ["realm1,x"], ["x"]],
  ["container_resolver", [], ["ldap"]],
  ["container_resolver", ["ldap"], [], { uncheckable: true }],
  ["container_info", ["registration_state == registered"], ["registration_state != registered"]],
  ["container_last_authentication", ["2m"], ["30s"]],
  ["container_last_synchronization", ["2d"], ["1h"]],
];

describe("a condition of which it is known whether it is fulfilled:", () => {
  test.for(known)("%s, %j but not %j", async ([name, fulfilled, unfulfilled, facts]) => {
    for (const value of fulfilled) {
      expect(await isFulfilled(name, value, facts), String(value)).toBe(true);
    }
    for (const value of unfulfilled) {
      expect(await isFulfilled(name, value, facts), String(value)).toBe(false);
    }
  });

  test("each of the 42 is among them", () => {
    expect(conditionNames()).toHaveLength(42);
    expect([...new Set(known.map(([name]) => name))].sort()).toEqual([...conditionNames()].sort());
  });
});

/**
 * What each condition is in privacyIDEA where there is nothing to check: no token, no container, no answer, no address.
 */
const uncheckable: Readonly<Record<string, readonly [value: string, inPrivacyIdea: boolean]>> = {
  client_ip: ["10.0.0.0/8", true],
  realm: ["realm1", false],
  resolver: ["ldap", false],
  user_info: ["a == b", false],
  user_token_number: [">5", true],
  user_container_number: [">5", true],
  logged_in_user: ["user", true],
  result_value: ["False", true],
  result_status: ["False", true],
  result_authentication: ["REJECT", false],
  detail_message: ["wrong", false],
  detail_error_message: [".*", true],
  challenge_session: ["enrollment", true],
  challenge_expired: ["True", true],
  serial: ["HOTP", true],
  tokenrealm: ["realm1", true],
  tokenresolver: ["ldap", true],
  tokentype: ["hotp", true],
  token_locked: ["True", false],
  token_has_owner: ["True", true],
  token_is_orphaned: ["True", true],
  token_validity_period: ["True", true],
  token_is_in_container: ["True", true],
  rollout_state: ["enrolled", true],
  tokeninfo: ["a == b", true],
  last_auth: ["1h", true],
  otp_counter: [">5", true],
  failcounter: [">5", true],
  count_auth: [">5", true],
  count_auth_success: [">5", true],
  count_auth_fail: [">5", true],
  counter: ["logins > 1", false],
  container_state: ["active", true],
  container_exact_state: ["active", true],
  container_has_owner: ["True", true],
  container_has_token: ["True", true],
  container_type: ["generic", true],
  container_realm: ["realm1", true],
  container_resolver: ["ldap", true],
  container_info: ["a == b", true],
  container_last_authentication: ["1h", true],
  container_last_synchronization: ["1h", true],
};

describe("a condition that cannot be checked", () => {
  const nothing = {
    query: "",
    conditions: {},
    position: "pre",
    address: null,
  } as const;

  test.for(conditionNames())(
    "%s is not fulfilled, unless the rule wants it as in privacyIDEA",
    async (name) => {
      const [value = "", inPrivacyIdea] = uncheckable[name] ?? [];
      expect(await isFulfilled(name, value, nothing)).toBe(false);
      expect(await isFulfilled(name, value, { ...nothing, uncheckable: true })).toBe(inPrivacyIdea);
    },
  );
});

test("a host is asked for each thing once, and only for what the conditions are about", async () => {
  const asked: string[] = [];
  const conditions: ConditionSource = {
    token: (subject) => {
      asked.push("token");
      return host.token(subject);
    },
    user: (subject) => {
      asked.push("user");
      return host.user(subject);
    },
  };
  const handler = new CountingHandler();
  const pipeline = new EventPipeline({
    rules: readEventRules(
      [
        {
          name: "rule",
          handlermodule: "Counting",
          event: ["validate_check"],
          conditions: { tokentype: "hotp", otp_counter: "7", failcounter: "3" },
          action: "count",
        },
      ],
      [handler],
    ),
    handlers: [handler],
    conditions,
    clientOf: () => undefined,
    now: () => now,
  });
  const request = new EventRequest({
    method: "GET",
    target: "/validate/check?user=alice",
    fields: [],
    content: new Uint8Array(),
  });
  const answer = { status: 200, fields: [], content: new Uint8Array() };
  await pipeline.run("validate_check", request, async () => answer);
  expect([handler.count, asked]).toEqual([1, ["token"]]);
});

test("numbers of any length and characters of any plane are compared as Python does", async () => {
  const info = { n: "10", long: "12345678901234567890", astral: "\u{1f600}" };
  const conditions: ConditionSource = { token: async () => ({ info }) };
  const facts = { conditions };
  const outcomes: Record<string, unknown> = {};
  for (const condition of [
    "n <= 9",
    "n >= 11",
    "n <= 10",
    "n => 10",
    "long == 12345678901234567891",
    "long == 12345678901234567890",
    "long < +12345678901234567891",
    "long > 12345678901234567889",
    "astral > \uffff",
  ]) {
    outcomes[condition] = await isFulfilled("tokeninfo", condition, facts);
  }
  expect(Object.values(outcomes)).toEqual([
    false,
    false,
    true,
    true,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("what has no order is neither before nor after a text, and a number or a list is no text of a list", async () => {
  const user = {
    info: { groups: ["staff"], count: 5, since: new Date(now), none: "", big: "90071992547409931" },
  };
  const facts = { conditions: { user: async () => user } };
  const fulfilled = [
    "groups != staff",
    "groups 'contains' staff",
    "count != staff",
    "count == 0_5",
    "none '!in' ",
    "count '!in' 5,6",
    "big >= 90071992547409930",
    "since == 20261122T120000Z",
    "since 'date_before' 20261122T120001,5Z",
  ];
  const unfulfilled = [
    "groups == staff",
    "groups < zzz",
    "groups > a",
    "count < staff",
    "count > !",
    "since < zzz",
    "since > a",
    "none 'in' ",
    "count 'in' 5,6",
    "big <= 90071992547409930",
    "since 'date_after' 2026-11-31",
    "since 'date_after'  2026-11-20 10:00:00 Z",
  ];
  for (const value of fulfilled) {
    expect(await isFulfilled("user_info", value, facts), value).toBe(true);
  }
  for (const value of unfulfilled) {
    expect(await isFulfilled("user_info", value, facts), value).toBe(false);
  }
});

test("what a host cannot tell at all is its own error, not a condition", async () => {
  const conditions: ConditionSource = { token: () => Promise.reject(new TypeError("no database")) };
  await expect(isFulfilled("tokentype", "hotp", { conditions })).rejects.toThrow("no database");
  await expect(isFulfilled("tokentype", "hotp", { query: "user=1&user=2" })).rejects.toThrow(
    FederationError,
  );
});
