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
  /** Counts a condition as fulfilled that cannot be checked. As privacyIDEA does for many. */
  readonly uncheckable: boolean;
  readonly onFailure: FailurePolicy;
}
