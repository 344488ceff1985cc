export type { ConnectionInfo, Handler } from "../core/index.js";
export {
  type BreakerEvent,
  breakerChannelName,
  type DecisionEvent,
  decisionChannelName,
  type ForwardEvent,
  forwardChannelName,
  type OutageEvent,
  outageChannelName,
} from "./channels.js";
export {
  DefinitionError,
  type DefinitionProblem,
  FederationError,
  type FederationReason,
} from "./errors.js";
export { type FederateOptions, type Federation, federate } from "./federate.js";
export type { FieldLines } from "./message/field-lines.js";
export type { Parameters } from "./message/parameters.js";
export {
  type BufferedResponse,
  type ClientSignal,
  EventRequest,
  type EventRequestParts,
} from "./message/request.js";
export { type PassThroughOptions, passThrough } from "./pass-through/pass-through.js";
export { apiErrorResponse, type ErrorResponse } from "./rewrite/error-response.js";
export { type ForwardedElement, type ProxyField, TrustedProxies } from "./rewrite/forwarded.js";
export { LoopGuard, type LoopGuardOptions } from "./rewrite/loop-guard.js";
export type { Comparable } from "./rules/comparators.js";
export type {
  ChallengeFacts,
  ConditionSource,
  ContainerFacts,
  RequestSubject,
  TokenFacts,
  UserFacts,
} from "./rules/condition-source.js";
export { conditionNames } from "./rules/conditions.js";
export { type IgnoredRule, ignoredRules, readEventRules } from "./rules/definition.js";
export { type ActionContext, type ActionOption, EventHandler } from "./rules/event-handler.js";
export type { EventRule, FailurePolicy, Position } from "./rules/event-rule.js";
export {
  type EventOf,
  type EventRow,
  eventsOf,
  eventTable,
  type PathParametersOf,
  pathParametersOf,
} from "./rules/events.js";
export {
  FederationEventHandler,
  type FederationEventHandlerOptions,
} from "./rules/federation-event-handler.js";
export { EventPipeline, type EventPipelineOptions } from "./rules/pipeline.js";
export type { ResolveAddress } from "./transport/address.js";
export type { BreakerOptions, BreakerState } from "./transport/breaker.js";
export type { ForwardedResponse } from "./transport/collector.js";
export { ConfiguredServers } from "./transport/configured-servers.js";
export type { OutgoingRequest } from "./transport/forward-attempt.js";
export { Forwarder, type ForwarderOptions, type ForwardOptions } from "./transport/forwarder.js";
export { type ReadServersOptions, readServers } from "./transport/server-definition.js";
export type { Flow, ResponseSink } from "./transport/server-exchange.js";
