/** Before (`pre`) or after (`post`) the host's own handler. */
export type Position = "pre" | "post";

/** What becomes of a request when the action of a rule fails. */
export type FailurePolicy =
  /** The failure is the response, with the status 502 or 504. */
  | "fail"
  /**
   * The rules after this one are tried, unless the request may have got through already. If none responds, as `fail`.
   */
  | "next"
  /** The local response stands, unchanged but for a Proxy-Status field that says what has failed. */
  | "local-answer";

/** When an action is carried out: one definition of an event handler, in the words of privacyIDEA. */
export interface EventRule {
  /** What the rule is called, in errors and on the channels. */
  readonly name: string;
  /** The identifier of the handler, such as `Federation`. */
  readonly handlermodule: string;
  /** The events of privacyIDEA that it is for, such as `validate_check`; one of them must be the request's. */
  readonly event: readonly string[];
  /** Whether it stands before the host's own handler, in whose place a server responds then, or after it. */
  readonly position: Position;
  /** The place among the rules of the same position. Equal ones stay in the order in which they were given. */
  readonly ordering: number;
  /** All of them must be fulfilled. */
  readonly conditions: Readonly<Record<string, string>>;
  /** The action of the handler, such as `forward`. */
  readonly action: string;
  /** The options of the action by name. */
  readonly options: Readonly<Record<string, string | readonly string[]>>;
  /** Counts a condition as fulfilled that cannot be checked. As privacyIDEA does for many. */
  readonly uncheckable: boolean;
  /** What the client gets where no server of the rule has a response. */
  readonly onFailure: FailurePolicy;
}
