import { generateKeyPairSync } from "node:crypto";
import {
  ConfiguredServers,
  DefinitionError,
  eventsOf,
  eventTable,
  federate,
  ignoredRules,
  readEventRules,
  readServers,
} from "concordat/federation";
import { describe, expect, test } from "vitest";
import { CountingHandler } from "./counting-handler.js";

const rule = { name: "n", handlermodule: "Counting", event: "auth", action: "count" };

/** The problems of definitions, each in a line. */
function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe("the URL of a server", () => {
  test.each(["https://user@pi.example.com", "https://:password@pi.example.com"])(
    "has neither a user name nor a password: %s",
    (url) => {
      expect(problemsOf(() => readServers([{ identifier: "a", url }]))).toEqual([
        "0.url: it has no user name and no password.",
      ]);
    },
  );
});

describe("the definition of an event handler", () => {
  test("is read in privacyIDEA's JSON", () => {
    const [read] = readEventRules(
      [
        {
          id: 4,
          name: "to the child",
          active: true,
          handlermodule: "Counting",
          event: ["validate_check", "auth"],
          position: "post",
          ordering: "3",
          conditions: { result_value: "False", token_locked: true, otp_counter: 3 },
          action: "answer",
          options: { with: "x" },
          abort_on_error: false,
        },
      ],
      [new CountingHandler()],
    );
    expect(read).toEqual({
      name: "to the child",
      handlermodule: "Counting",
      event: ["validate_check", "auth"],
      position: "post",
      ordering: 3,
      conditions: { result_value: "False", token_locked: "True", otp_counter: "3" },
      action: "answer",
      options: { with: "x" },
      uncheckable: false,
      onFailure: "local-answer",
    });
  });

  /** What privacyIDEA 3.14 exports of a rule of forwarding, and of one that sends a mail. */
  const exported = {
    abort_on_error: true,
    action: "count",
    active: true,
    condition: "",
    conditions: { result_value: "False" },
    event: ["validate_check"],
    handlermodule: "Counting",
    id: 1,
    name: "to the division",
    options: {},
    ordering: 0,
    position: "post",
  };
  const mail = {
    ...exported,
    id: 2,
    name: "mail",
    action: "sendmail",
    handlermodule: "UserNotification",
    conditions: { no_such_condition: "[" },
    options: { To: "tokenowner" },
  };

  test("may be in a list as privacyIDEA exports it, with those of others, and says which are ignored", () => {
    const handlers = [new CountingHandler()];
    const list = [
      mail,
      exported,
      { ...mail, active: false, name: "no mail" },
      { ...exported, name: "off", active: false, conditions: { serial: "(a)\\1" }, unheard: 1 },
      { ...exported, id: 5, name: "second", condition: null },
    ];
    expect(readEventRules(list, handlers).map(({ name }) => name)).toEqual([
      "to the division",
      "second",
    ]);
    expect(ignoredRules(list, handlers)).toEqual([
      { at: 0, name: "mail", handlermodule: "UserNotification", reason: "other_handler" },
      { at: 2, name: "no mail", handlermodule: "UserNotification", reason: "other_handler" },
      { at: 3, name: "off", handlermodule: "Counting", reason: "inactive" },
    ]);
    expect(ignoredRules("no list", handlers)).toEqual([]);
    const servers = new ConfiguredServers([]);
    const handler = async () => new Response();
    expect(federate(handler, { servers, rules: list, handlers }).ignored).toHaveLength(3);
  });

  test("is refused where what is said would change what is decided", () => {
    const problems = problemsOf(() =>
      readEventRules(
        [
          mail,
          { ...exported, condition: "x" },
          { ...exported, unheard: 1 },
          // A slip in the name of a handler is no other handler.
          { ...exported, handlermodule: "Countin" },
          { ...mail, handlermodule: "Usernotification", conditions: {} },
          null,
        ],
        [new CountingHandler()],
      ),
    );
    expect(problems.map((problem) => problem.split(":")[0])).toEqual([
      "1.condition",
      "2",
      "3.handlermodule",
      "4.handlermodule",
      "5",
    ]);
  });

  test("has the order that it says, and is left out if it is not active", () => {
    const rules = readEventRules(
      [
        { ...rule, name: "c", ordering: 2 },
        { ...rule, name: "off", active: false },
        { ...rule, name: "a", ordering: -1 },
        { ...rule, name: "b" },
      ],
      [new CountingHandler()],
    );
    expect(rules.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("is refused with every problem by its path", () => {
    const problems = problemsOf(() =>
      readEventRules(
        [
          {
            ...rule,
            action: "answer",
            position: "pre",
            conditions: {
              result_vlaue: "x",
              detail_message: "(a)\\1",
              serial: "[",
              client_ip: "10.0.0.0/33",
              last_auth: "1w",
              otp_counter: "many",
              tokeninfo: "1",
              container_info: "a 'matches' *",
              user_info: "a 'date_within_last' b",
            },
            options: { wtih: "x" },
          },
          { ...rule, handlermodule: "Federation" },
          { ...rule, action: "forward" },
        ],
        [new CountingHandler()],
      ),
    );
    expect(problems).toEqual([
      "0.conditions.result_vlaue: there is no such condition.",
      "0.conditions.detail_message: it is not a regular expression that can be used: back-references are not " +
        "supported.",
      "0.conditions.serial: it is not a regular expression that can be used: a bracket is not closed.",
      '0.conditions.client_ip: it is a list of addresses and networks, such as "10.0.0.0/8, !10.1.2.3".',
      '0.conditions.last_auth: it is a duration such as "8h" or "7d".',
      '0.conditions.otp_counter: it compares a whole number, such as "<100" or "==3".',
      '0.conditions.tokeninfo: it compares a key, such as "name == value".',
      "0.conditions.container_info: it is not a regular expression that can be used: a quantifier has nothing " +
        "before it.",
      '0.conditions.user_info: it is a duration such as "8h" or "7d".',
      "0.options.wtih: the action has no such option.",
      "0.options.with: the action needs it.",
      '1.handlermodule: there is no handler "Federation".',
      '2.action: the handler has no action "forward".',
    ]);
    const shapes = problemsOf(() =>
      readEventRules(
        [
          { ...rule, name: "", event: [], ordering: "x", position: "mid", extra: 1 },
          { ...rule, on_failure: "fail", abort_on_error: true },
        ],
        [],
      ),
    );
    expect(shapes.map((line) => line.split(":")[0]).sort()).toEqual([
      "0",
      "0.event",
      "0.name",
      "0.ordering",
      "0.position",
      "1.abort_on_error",
    ]);
  });
});

describe("the definition of a server", () => {
  const server = { identifier: "child", url: "https://pi.example.com" };
  const { publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });

  test("is read as it is, without the slash at the end of its URL", async () => {
    const all = {
      ...server,
      url: "https://pi.example.com:8443/privacyidea/",
      description: "the child",
      addresses: ["10.0.0.0/8", "2001:db8::/32"],
      limits: { connect: 1, firstByte: 2, total: 3, answerSize: 4, connections: 5 },
      decoding: "once",
      reportsOrigin: true,
      healthCheck: { path: "/healthz", interval: 5 },
      tls: { pins: [`${"A".repeat(43)}=`] },
    };
    const servers = new ConfiguredServers([{ ...server, identifier: "z" }, all]);
    expect(await servers.get("child")).toEqual({
      ...all,
      url: "https://pi.example.com:8443/privacyidea",
    });
    expect((await servers.list()).map(({ identifier }) => identifier)).toEqual(["child", "z"]);
    expect(await servers.get("__proto__")).toBe(undefined);
  });

  test("of privacyIDEA may say that the certificate is verified, and not that it is not", () => {
    expect(readServers([{ ...server, tls: true }])).toEqual([{ ...server, tls: {} }]);
    expect(problemsOf(() => readServers([{ ...server, tls: false }]))).toEqual([
      "0.tls: verification cannot be turned off: give the certificate of the authority as `tls.ca` instead.",
    ]);
  });

  test.each([
    [
      "http://pi.example.com",
      "passwords would travel for all to read: use https, or say `allowCleartext`.",
    ],
    ["ftp://pi.example.com", "it is an http or https URL."],
    ["https:pi.example.com", "it is an http or https URL."],
    ["https:///pi.example.com", "it is an http or https URL."],
    ["https://user:secret@pi.example.com", "it has no user name and no password."],
    ["https://pi.example.com/?a", "it has no query, no fragment, no backslash and no spaces."],
    ["https://pi.example.com/#a", "it has no query, no fragment, no backslash and no spaces."],
    [
      "https://pi.example.com\\@evil.example",
      "it has no query, no fragment, no backslash and no spaces.",
    ],
    ["https://pi.example.com/a/../b", "its path has no empty and no dot segments."],
    ["https://pi.example.com/%2e%2e/b", "its path has no empty and no dot segments."],
    ["https://pi.example.com//b", "its path has no empty and no dot segments."],
    ["https://PI.example.com", 'its host is to be written "pi.example.com".'],
    ["https://pi.example.com.", 'its host is to be written "pi.example.com".'],
    ["https://münchen.example", 'its host is to be written "xn--mnchen-3ya.example".'],
    ["https://pⅰ.example.com", 'its host is to be written "pi.example.com".'],
    ["https://１２７.0.0.1", 'its host is to be written "127.0.0.1".'],
    ["https://2130706433", 'its host is to be written "127.0.0.1".'],
    ["https://0x7f000001", 'its host is to be written "127.0.0.1".'],
    ["https://0177.0.0.1", 'its host is to be written "127.0.0.1".'],
    ["https://127.1", 'its host is to be written "127.0.0.1".'],
    ["https://%31%32%37.0.0.1", 'its host is to be written "127.0.0.1".'],
    ["https://[::ffff:127.0.0.1]", 'its host is to be written "[::ffff:7f00:1]".'],
    ["https://[0:0::1]", 'its host is to be written "[::1]".'],
    ["https://pi.example.com:99999", "it is an http or https URL."],
  ])("with the URL %s is refused: %s", (url, problem) => {
    expect(problemsOf(() => readServers([{ ...server, url }]))).toEqual([`0.url: ${problem}`]);
  });

  test.each([
    ["0.identifier", { identifier: "" }],
    ["0.addresses.0", { addresses: ["10.0.0.0/40"] }],
    ["0.limits.connect", { limits: { connect: 0 } }],
    ["0.responseKey", { responseKey: publicKey }],
    ["0.responseKey", { responseKey: "x" }],
    ["0.tls", { tls: { key: "-----BEGIN PRIVATE KEY-----" } }],
    ["0.tls", { tls: { rejectUnauthorized: false } }],
    ["0", { verify: false }],
  ])("is refused because of %s: %j", (path, changes) => {
    const problems = problemsOf(() => readServers([{ ...server, ...changes }]));
    expect(problems).not.toEqual([]);
    for (const problem of problems) expect(problem.startsWith(path)).toBe(true);
  });

  test("is refused if its identifier is taken", () => {
    expect(problemsOf(() => readServers([server, server]))).toEqual(["1.identifier: it is taken."]);
  });
});

describe("which request is which event", () => {
  const eventOf = eventsOf();

  test("is said by a table of privacyIDEA's API, with its 78 events", () => {
    expect(new Set(eventTable.map(([, , event]) => event)).size).toBe(78);
    for (const [methods, path, event] of eventTable) {
      for (const method of methods.split(" ")) {
        expect(eventOf(method, path.replaceAll("*", "x1")), `${method} ${path}`).toBe(event);
      }
    }
  });

  test.each([
    ["PUT", "/validate/check"],
    ["POST", "/validate/check/"],
    ["POST", "/Validate/check"],
    ["GET", "/validate/polltransaction/"],
    ["GET", "/validate/polltransaction/1/2"],
    ["GET", "/"],
  ])("%s %s is none", (method, path) => {
    expect(eventOf(method, path)).toBe(undefined);
  });

  test("rows of one's own go first, and a path goes before a pattern", () => {
    const own = eventsOf([
      ["GET", "/a/*", "any"],
      ["GET", "/a/b", "exact"],
      ["POST", "/validate/check", "mine"],
      ...eventTable,
    ]);
    expect([own("GET", "/a/b"), own("GET", "/a/c"), own("POST", "/validate/check")]).toEqual([
      "exact",
      "any",
      "mine",
    ]);
  });
});
