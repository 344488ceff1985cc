import { z } from "zod";
import { DefinitionError, type DefinitionProblem } from "../errors.js";
import { readDefinitions } from "../read-definition.js";
import { readCondition } from "./conditions.js";
import type { EventHandler, Position } from "./event-handler.js";

/** What becomes of a request when the action of a rule fails. */
export type FailurePolicy =
  /** The failure is the answer, with the status 502 or 504. */
  | "fail"
  /** The rules after this one are tried, unless the request may have got through already. If none answers, as `fail`. */
  | "next"
  /** The local answer stands, unchanged but for a Proxy-Status field that says what has failed. */
  | "local-answer";

/** When an action is carried out: one definition of an event handler, in the words of privacyIDEA. */
export interface EventRule {
  readonly name: string;
  /** The identifier of the handler, such as `Federation`. */
  readonly handlermodule: string;
  readonly event: readonly string[];
  readonly position: Position;
  /** The place among the rules of the same position. Equal ones stay in the order in which they were given. */
  readonly ordering: number;
  /** All of them must be fulfilled. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly action: string;
  readonly options: Readonly<Record<string, string | readonly string[]>>;
  /** Counts a condition as fulfilled of which nobody can say whether it is. As privacyIDEA does for many. */
  readonly uncheckable: boolean;
  readonly onFailure: FailurePolicy;
}

/** A value that privacyIDEA takes as a text or as what the text says. */
const text = z.union([z.string(), z.number(), z.boolean()]).transform((value) => {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
});

const names = z
  .union([
    z.string().transform((value) => value.split(",").map((name) => name.trim())),
    z.array(z.string()),
  ])
  .refine((value) => value.length > 0 && value.every((name) => name !== ""), {
    error: "it names at least one.",
  });

const rule = z
  .strictObject({
    id: z.unknown().exactOptional(),
    name: z.string().min(1),
    active: z.boolean().default(true),
    handlermodule: z.string().min(1).default("Federation"),
    event: names,
    position: z.enum(["pre", "post"]).default("post"),
    ordering: z.coerce.number().int().default(0),
    conditions: z.record(z.string(), text).default({}),
    action: z.string().min(1),
    options: z.record(z.string(), z.union([text, z.array(z.string())])).default({}),
    uncheckable: z
      .union([z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")])
      .default(false),
    on_failure: z.enum(["fail", "next", "local-answer"]).exactOptional(),
    abort_on_error: z.boolean().exactOptional(),
  })
  .superRefine(({ on_failure, abort_on_error }, context) => {
    if (on_failure !== undefined && abort_on_error !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["abort_on_error"],
        message: "`on_failure` says it already.",
      });
    }
  });

/**
 * Reads definitions of event handlers in privacyIDEA's JSON: an array of what its `GET /event/` answers with, or of such
 * written by hand. Definitions that are not active are left out.
 *
 * Beyond privacyIDEA, `options.privacyIDEA` may be a list of servers, of which one after the other is tried; `on_failure` and
 * `uncheckable` are new, and `abort_on_error` is understood as `on_failure`: `fail` or `local-answer`.
 *
 * @param handlers the handlers that definitions may mean.
 * @throws {DefinitionError} with every problem.
 */
export function readEventRules(
  definitions: unknown,
  handlers: readonly EventHandler[],
): readonly EventRule[] {
  const read = readDefinitions(z.array(rule), definitions);
  const rules = read.map(({ on_failure, abort_on_error, active, id: _, ...rest }) => ({
    active,
    ...rest,
    onFailure: on_failure ?? (abort_on_error === false ? "local-answer" : "fail"),
  }));
  const problems = rules.flatMap((one, at) => problemsOf(one, handlers, String(at)));
  if (problems.length > 0) throw new DefinitionError(problems);
  return rules
    .filter(({ active }) => active)
    .map(({ active: _, ...one }): EventRule => one)
    .sort((one, other) => one.ordering - other.ordering);
}

function problemsOf(
  one: EventRule,
  handlers: readonly EventHandler[],
  at: string,
): readonly DefinitionProblem[] {
  const problems: DefinitionProblem[] = [];
  const add = (path: string, message: string): void => {
    problems.push({ path: `${at}.${path}`, message });
  };
  for (const [name, value] of Object.entries(one.conditions)) {
    try {
      readCondition(name, value);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      add(`conditions.${name}`, error.message);
    }
  }
  const handler = handlers.find(({ identifier }) => identifier === one.handlermodule);
  if (handler === undefined) {
    add("handlermodule", `there is no handler "${one.handlermodule}".`);
    return problems;
  }
  if (!handler.allowedPositions.includes(one.position)) {
    add("position", `the handler has no actions in the position "${one.position}".`);
  }
  const options = Object.hasOwn(handler.actions, one.action)
    ? handler.actions[one.action]
    : undefined;
  if (options === undefined) {
    add("action", `the handler has no action "${one.action}".`);
    return problems;
  }
  for (const name of Object.keys(one.options)) {
    if (!Object.hasOwn(options, name)) add(`options.${name}`, "the action has no such option.");
  }
  for (const [name, { required }] of Object.entries(options)) {
    if (required === true && !Object.hasOwn(one.options, name)) {
      add(`options.${name}`, "the action needs it.");
    }
  }
  return problems;
}
