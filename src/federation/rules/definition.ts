import * as z from "zod";
import { DefinitionError, type DefinitionProblem } from "../errors.js";
import { problemsIn, readDefinitions } from "../read-definition.js";
import { readCondition } from "./conditions.js";
import type { EventHandler } from "./event-handler.js";
import type { EventRule } from "./event-rule.js";

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
    // Every rule that privacyIDEA exports has it, and it is never looked at there.
    condition: z.literal(["", null]).exactOptional(),
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

/** The event handlers of privacyIDEA that are none of forwarding. */
const otherHandlers: ReadonlySet<unknown> = new Set([
  "Container",
  "Counter",
  "CustomUserAttributes",
  "Logging",
  "RequestMangler",
  "ResponseMangler",
  "Script",
  "Token",
  "UserNotification",
  "WebHook",
]);

/** A definition that is ignored, and why. */
export interface IgnoredRule {
  /** The place in the list, from 0. */
  readonly at: number;
  /** Its name, if it has one. */
  readonly name: string | undefined;
  /** The identifier of the handler that it is for, as the definition has it. */
  readonly handlermodule: string;
  /** It is switched off, or it is for a handler of privacyIDEA's that is not here. */
  readonly reason: "inactive" | "other_handler";
}

/**
 * The definitions that {@link readEventRules} ignores. What the handlers of the others do is not done: one that changes
 * a request or a response, such as `RequestMangler`, may have changed what the rules after it decide on.
 *
 * @param handlers the handlers that definitions may mean.
 */
export function ignoredRules(
  definitions: unknown,
  handlers: readonly EventHandler[],
): readonly IgnoredRule[] {
  if (!Array.isArray(definitions)) return [];
  return definitions.flatMap((definition: unknown, at) => {
    const one = ignored(definition, handlers);
    return one === undefined ? [] : [{ at, ...one }];
  });
}

/** Whether and why a definition is ignored. What is wrong with it is then of no matter. */
function ignored(
  definition: unknown,
  handlers: readonly EventHandler[],
): Omit<IgnoredRule, "at"> | undefined {
  if (typeof definition !== "object" || definition === null) return undefined;
  const { handlermodule = "Federation", active, name } = definition as Record<string, unknown>;
  const isHere = handlers.some(({ identifier }) => identifier === handlermodule);
  const isOther = !isHere && otherHandlers.has(handlermodule);
  if (!isOther && active !== false) return undefined;
  return {
    name: typeof name === "string" ? name : undefined,
    handlermodule: String(handlermodule),
    reason: isOther ? "other_handler" : "inactive",
  };
}

/**
 * Reads definitions of event handlers in privacyIDEA's JSON: an array of what its `GET /event/` returns, or of
 * such written by hand. Definitions that are not active, or for other handlers of privacyIDEA's, are left out:
 * {@link ignoredRules} says which.
 *
 * Beyond privacyIDEA, `options.privacyIDEA` may be a list of servers, of which one after the other is tried;
 * `on_failure` and `uncheckable` are new, and `abort_on_error` is understood as `on_failure`: `fail` or `local-answer`.
 *
 * @param handlers the handlers that definitions may mean.
 * @throws {DefinitionError} with every problem.
 */
export function readEventRules(
  definitions: unknown,
  handlers: readonly EventHandler[],
): readonly EventRule[] {
  const over = new Set(ignoredRules(definitions, handlers).map(({ at }) => at));
  const read = readDefinitions(z.array(z.unknown()), definitions)
    .map((definition, at) => ({ at, definition }))
    .filter(({ at }) => !over.has(at));
  const problems: DefinitionProblem[] = [];
  const rules = read.flatMap(({ at, definition }): readonly EventRule[] => {
    const result = rule.safeParse(definition);
    if (!result.success) {
      problems.push(...problemsIn(result.error, String(at)));
      return [];
    }
    const { on_failure, abort_on_error, active: _a, id: _i, condition: _c, ...rest } = result.data;
    const onFailure = on_failure ?? (abort_on_error === false ? "local-answer" : "fail");
    const one: EventRule = { ...rest, onFailure };
    problems.push(...problemsOf(one, handlers, String(at)));
    return [one];
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return rules.sort((one, other) => one.ordering - other.ordering);
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
