import { decisionEvents } from "../channels.js";
import { FederationError } from "../errors.js";
import type { BufferedResponse, EventRequest } from "../message/request.js";
import type { ConditionSource } from "./condition-source.js";
import { type Condition, type Outcome, readCondition } from "./conditions.js";
import type { EventHandler } from "./event-handler.js";
import type { EventRule, Position } from "./event-rule.js";
import { Facts } from "./facts.js";

/** Options of {@link EventPipeline}. */
export interface EventPipelineOptions {
  /** The rules of both positions, in any order: `ordering` says it. */
  readonly rules: readonly EventRule[];
  /** The handlers that the rules mean. */
  readonly handlers: readonly EventHandler[];
  /** What the host knows of its tokens, users and containers. */
  readonly conditions?: ConditionSource | undefined;
  /** The address of the client of a request, as far as it is known. */
  readonly clientOf: (request: EventRequest) => string | undefined;
  /** The present time in milliseconds since 1970. */
  readonly now: () => number;
  /** The realm of users for whom a request names none. Default: none. */
  readonly defaultRealm?: string | undefined;
}

/** A response, and the failure in spite of which it is the local one. */
export interface Outcomes {
  readonly response: BufferedResponse;
  readonly outage?: FederationError;
}

interface PreparedRule {
  readonly rule: EventRule;
  readonly handler: EventHandler;
  readonly conditions: readonly Condition[];
}

/** Runs the actions of rules before and after a host's own handler. */
export class EventPipeline {
  readonly #options: EventPipelineOptions;
  readonly #decisions = decisionEvents();
  readonly #byEvent = new Map<string, Readonly<Record<Position, readonly PreparedRule[]>>>();

  constructor(options: EventPipelineOptions) {
    this.#options = options;
    const prepared = options.rules.map((rule) => prepare(rule, options.handlers));
    for (const event of new Set(options.rules.flatMap((rule) => rule.event))) {
      const ofEvent = prepared.filter(({ rule }) => rule.event.includes(event));
      this.#byEvent.set(event, {
        pre: ofEvent.filter(({ rule }) => rule.position === "pre"),
        post: ofEvent.filter(({ rule }) => rule.position === "post"),
      });
    }
  }

  /** Whether there is a rule for an event. */
  isWatched(event: string): boolean {
    return this.#byEvent.has(event);
  }

  /**
   * Runs the rules for a request.
   *
   * A rule in the position `pre` whose action gives a response ends it: the host's own handler is not asked. The rules
   * after it run in their order, also when the local response is an error, and each sees the response that the one
   * before has left.
   *
   * @throws {FederationError} an action failed, and its failure is the response.
   */
  async run(
    event: string,
    request: EventRequest,
    local: () => Promise<BufferedResponse>,
  ): Promise<Outcomes> {
    const rules = this.#byEvent.get(event);
    const before = await this.#runAll(event, rules?.pre ?? [], request, undefined);
    if (before.response !== undefined) return { response: before.response };
    if (before.failure !== undefined) throw before.failure;
    const own = await local();
    const after = await this.#runAll(event, rules?.post ?? [], request, own);
    if (after.failure !== undefined) throw after.failure;
    const { response = own } = after;
    const outage = before.outage ?? after.outage;
    return response !== own || outage === undefined ? { response } : { response, outage };
  }

  /** Runs rules one after the other; until the first response if there is none yet. */
  async #runAll(
    event: string,
    rules: readonly PreparedRule[],
    request: EventRequest,
    own: BufferedResponse | undefined,
  ): Promise<Course> {
    const course: Course = { response: own };
    for (let at = 0; at < rules.length; at += 1) {
      const prepared = rules[at];
      if (prepared === undefined) break;
      const { rule, handler } = prepared;
      const applies = this.#applies(event, prepared, request, course.response);
      // Most conditions are about the request and the response, and wait for nothing.
      if (!(typeof applies === "boolean" ? applies : await applies)) continue;
      try {
        const given = await handler.do(rule.action, { rule, request, response: course.response });
        if (given === undefined) continue;
        course.response = given;
        delete course.failure;
        if (own === undefined) break;
      } catch (error) {
        failed(course, rule, error);
      }
    }
    return course;
  }

  /** Whether a rule applies. Waits only where a condition does. */
  #applies(
    event: string,
    { rule, conditions }: PreparedRule,
    request: EventRequest,
    response: BufferedResponse | undefined,
  ): boolean | Promise<boolean> {
    if (conditions.length === 0) return this.#decided(event, rule);
    const { now, clientOf, conditions: source = {}, defaultRealm } = this.#options;
    const facts = new Facts(request, response, clientOf(request), now(), source, defaultRealm);
    return this.#decide(event, rule, conditions, facts, 0);
  }

  /** Decides the conditions from one on. */
  #decide(
    event: string,
    rule: EventRule,
    conditions: readonly Condition[],
    facts: Facts,
    from: number,
  ): boolean | Promise<boolean> {
    for (let at = from; at < conditions.length; at += 1) {
      const condition = conditions[at];
      const outcome = condition?.decide(facts);
      if (outcome instanceof Promise) {
        return outcome.then((known) =>
          counts(rule, condition, known)
            ? this.#decide(event, rule, conditions, facts, at + 1)
            : this.#decided(event, rule, condition, known),
        );
      }
      if (!counts(rule, condition, outcome)) return this.#decided(event, rule, condition, outcome);
    }
    return this.#decided(event, rule);
  }

  /** Says what was decided about a rule, and returns whether it applies: unless a condition is not fulfilled. */
  #decided(
    event: string,
    { name, position }: EventRule,
    condition?: Condition,
    outcome?: Outcome,
  ): boolean {
    const applies = condition === undefined;
    this.#decisions.publish(() => ({
      rule: name,
      event,
      position,
      applies,
      ...(applies ? {} : { condition: condition.name, isUnknown: outcome === undefined }),
    }));
    return applies;
  }
}

/** What becomes of a request, rule by rule. */
interface Course {
  response: BufferedResponse | undefined;
  /** What a rule has left to the next ones, none of which has responded. */
  failure?: FederationError;
  outage?: FederationError;
}

/** Notes the failure of a rule's action, as its policy has it. @throws it, if it is the response. */
function failed(course: Course, { onFailure }: EventRule, error: unknown): void {
  if (!(error instanceof FederationError) || error.reason === "abandoned") throw error;
  if (onFailure === "local-answer") course.outage = error;
  else if (onFailure === "next" && !error.isSpent) course.failure = error;
  else throw error;
}

/** Whether a condition counts as fulfilled. */
function counts(rule: EventRule, condition: Condition | undefined, outcome: Outcome): boolean {
  return outcome ?? (rule.uncheckable && condition?.uncheckable === true);
}

function prepare(rule: EventRule, handlers: readonly EventHandler[]): PreparedRule {
  const handler = handlers.find(({ identifier }) => identifier === rule.handlermodule);
  if (handler === undefined) throw new RangeError(`There is no handler "${rule.handlermodule}".`);
  const conditions = Object.entries(rule.conditions).map(([name, value]) =>
    readCondition(name, value),
  );
  return { rule, handler, conditions };
}
