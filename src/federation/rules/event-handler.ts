import type { BufferedResponse, EventRequest } from "../message/request.js";
import type { EventRule, Position } from "./event-rule.js";

/** An option of an action, in the words of privacyIDEA. */
export interface ActionOption {
  /** Whether a rule gives it a text or a truth value. */
  readonly type: "str" | "bool";
  /** What it says, for people. */
  readonly description: string;
  /** Whether a rule without it is refused. Default: false. */
  readonly required?: boolean;
}

/** What an action is carried out with. */
export interface ActionContext {
  /** The rule whose action is carried out. */
  readonly rule: EventRule;
  /** The request. It may not be changed, and what one action makes of it the next does not see. */
  readonly request: EventRequest;
  /** The response of the host's own handler, or of the rule before; `undefined` in the position `pre`. */
  readonly response: BufferedResponse | undefined;
}

/** Carries out the actions of rules. */
export abstract class EventHandler {
  /** The name by which rules mean the handler, as their `handlermodule`. */
  abstract readonly identifier: string;
  /** What the handler does, for people. */
  abstract readonly description: string;
  /** The actions by name, and the options of each. */
  abstract readonly actions: Readonly<Record<string, Readonly<Record<string, ActionOption>>>>;
  /** Where its rules may be put. */
  readonly allowedPositions: readonly Position[] = ["pre", "post"];

  /**
   * Carries an action out.
   *
   * @returns the response that takes the place of the present one; `undefined` to leave that as it is.
   * @throws {FederationError} what the rule's failure policy is for.
   */
  abstract do(action: string, options: ActionContext): Promise<BufferedResponse | undefined>;
}
