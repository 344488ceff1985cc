import { FederationError } from "../errors.js";
import { isOfDefaultRealm, namedUser } from "../message/named-user.js";
import { subjectParameters, textParameter } from "../message/parameters.js";
import type { BufferedResponse, EventRequest } from "../message/request.js";
import { type ApiBody, isRecord, readApiResponse } from "../rewrite/api-response.js";
import type {
  ChallengeFacts,
  ConditionSource,
  ContainerFacts,
  RequestSubject,
  TokenFacts,
  UserFacts,
} from "./condition-source.js";

/**
 * What the conditions of the rules for one request and one response are about. Each thing is asked for once, when it is
 * needed.
 */
export class Facts {
  /** The address of the client, as far as it is known. */
  readonly clientAddress: string | undefined;
  /** The present time, in milliseconds since 1970. */
  readonly now: number;
  readonly #request: EventRequest;
  readonly #response: BufferedResponse | undefined;
  readonly #source: ConditionSource;
  readonly #defaultRealm: string | undefined;
  #body: ApiBody | undefined;
  #hasReadBody = false;
  #subject: RequestSubject | undefined;
  #user: Promise<UserFacts | undefined> | undefined;
  #token: Promise<TokenFacts | undefined> | undefined;
  #container: Promise<ContainerFacts | undefined> | undefined;
  #challenges: Promise<readonly ChallengeFacts[] | undefined> | undefined;

  constructor(
    request: EventRequest,
    response: BufferedResponse | undefined,
    clientAddress: string | undefined,
    now: number,
    source: ConditionSource,
    defaultRealm?: string,
  ) {
    this.#request = request;
    this.#response = response;
    this.clientAddress = clientAddress;
    this.now = now;
    this.#source = source;
    this.#defaultRealm = defaultRealm;
  }

  /** What the response says; `undefined` before there is one, or if it is not one of privacyIDEA's API. */
  get body(): ApiBody | undefined {
    if (!this.#hasReadBody && this.#response !== undefined) {
      this.#hasReadBody = true;
      this.#body = readApiResponse(this.#response.fields, this.#response.content)?.body;
    }
    return this.#body;
  }

  /** The `detail` of the response. */
  get detail(): Readonly<Record<string, unknown>> | undefined {
    const detail = this.body?.detail;
    return isRecord(detail) ? detail : undefined;
  }

  /** Whom and what the request is about. */
  get subject(): RequestSubject {
    this.#subject ??= readSubject(this.#request, this.body, this.#defaultRealm);
    return this.#subject;
  }

  /** Whether the host can be asked about users. */
  get knowsUsers(): boolean {
    return this.#source.user !== undefined;
  }

  user(): Promise<UserFacts | undefined> {
    this.#user ??= this.#source.user?.(this.subject) ?? unknown;
    return this.#user;
  }

  token(): Promise<TokenFacts | undefined> {
    this.#token ??= this.#source.token?.(this.subject) ?? unknown;
    return this.#token;
  }

  container(): Promise<ContainerFacts | undefined> {
    this.#container ??= this.#source.container?.(this.subject) ?? unknown;
    return this.#container;
  }

  challenges(): Promise<readonly ChallengeFacts[] | undefined> {
    this.#challenges ??= this.#source.challenges?.(this.subject) ?? unknown;
    return this.#challenges;
  }

  /** A counter; one that was not counted yet is 0. */
  async counter(name: string): Promise<number | undefined> {
    if (this.#source.counter === undefined) return undefined;
    return (await this.#source.counter(name)) ?? 0;
  }

  role(): Promise<"admin" | "user" | undefined> {
    return this.#source.role?.(this.subject) ?? unknown;
  }
}

const unknown: Promise<undefined> = Promise.resolve(undefined);

/**
 * Refuses a request that says whom or what it is about by something else than a text or a number, as JSON can: no
 * condition sees what others may read there.
 *
 * @throws {FederationError}
 */
export function assertPlainSubject({ parameters }: EventRequest): void {
  for (const name of subjectParameters) {
    const value = parameters.get(name) ?? "";
    if (typeof value !== "string" && typeof value !== "number") {
      throw new FederationError("bad_parameter", name);
    }
  }
}

function readSubject(
  request: EventRequest,
  body: ApiBody | undefined,
  defaultRealm: string | undefined,
): RequestSubject {
  const detail = isRecord(body?.detail) ? body.detail : {};
  const value = isRecord(body?.result?.["value"]) ? body.result["value"] : {};
  const { parameters, pathParameters } = request;
  const named = namedUser(request);
  const user = pathParameters.get("username") ?? named.user;
  const resolver = pathParameters.get("resolvername");
  const realm = named.realm ?? (isOfDefaultRealm(request) ? defaultRealm : undefined);
  return {
    user,
    // Where the path says whom it is about, by the resolver, no parameter of the request says it otherwise.
    realm: resolver === undefined ? realm : undefined,
    resolver: resolver ?? textParameter(parameters, "resolver"),
    serial: textParameter(parameters, "serial") ?? textOf(detail["serial"]),
    containerSerial:
      textParameter(parameters, "container_serial") ?? textOf(value["container_serial"]),
    transactionId: textParameter(parameters, "transaction_id"),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
