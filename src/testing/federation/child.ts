import { createPrivateKey, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { signResponse } from "../../federation/internal.js";
import {
  type ChildAnswer,
  challenged,
  checked,
  dumps,
  failed,
  listed,
  loggedIn,
  polled,
} from "./child-answers.js";
import { type ChildFault, sendFaulty } from "./child-faults.js";

/** A user of a child, who has one token. */
export interface ChildUser {
  /** The name of the user. */
  readonly user: string;
  /** The realm of the user; a request that names none means users of any. */
  readonly realm: string;
  /** The PIN of the token, which comes before the one-time password; may be empty. */
  readonly pin: string;
  /** The serial number of the token; without one the user has no token. */
  readonly serial?: string;
  /** The one-time passwords that the token will take, each once. */
  readonly passwords?: Iterable<string>;
}

/** Options of {@link startChild}. */
export interface ChildOptions {
  /** The users that it knows. Default: none. */
  readonly users?: readonly ChildUser[] | undefined;
  /** Who may log in, and with what. Default: no one. */
  readonly administrators?:
    | readonly {
        /** The name. */
        readonly username: string;
        /** The password. */
        readonly password: string;
      }[]
    | undefined;
  /** The port. Default: a free one. */
  readonly port?: number | undefined;
  /** The RSA private key, in PEM, that responses are signed with. Default: they are not. */
  readonly key?: string | undefined;
  /** The present time, in seconds since 1970. */
  readonly time?: (() => number) | undefined;
}

/** A request as the child has got it. */
export interface ChildRequest {
  /** The method, such as `POST`. */
  readonly method: string;
  /** The path of the target, still encoded and without the query. */
  readonly path: string;
  /** The field lines as they came: each name, and its content after it. */
  readonly fields: readonly string[];
  /** The parameters as privacyIDEA understands them: decoded twice, unless they came as JSON. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The content, as text. */
  readonly content: string;
}

/** A child that is running. */
export interface Child extends AsyncDisposable {
  /** `http://127.0.0.1:` and the port. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Every request that came, in order. */
  readonly requests: readonly ChildRequest[];
  /** What it is to do wrong from now on; nothing if there is no fault. */
  fault: ChildFault | undefined;
  /** Ends it. Connections are cut. */
  stop(): Promise<void>;
}

/**
 * Starts a stand-in for a privacyIDEA server: HTTP on the loopback interface. It responds as a real one was recorded
 * to, in shape, members, their order, and the form in which Python prints them, and can be made to fail.
 */
export async function startChild(options: ChildOptions = {}): Promise<Child> {
  const requests: ChildRequest[] = [];
  const state = new ChildState(options);
  const child: { fault: ChildFault | undefined } = { fault: undefined };
  const server: Server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await readRequest(request);
    requests.push(received);
    const { fault } = child;
    const { status, type, content } = state.respond(received, fault);
    await sendFaulty(response, fault, status, type, content);
  };
  await new Promise<void>((resolve) => {
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    server.closeAllConnections();
    await closed;
  };
  return Object.assign(child, {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    stop,
    [Symbol.asyncDispose]: stop,
  });
}

interface Rendered {
  readonly status: number;
  readonly type: string;
  readonly content: string;
}

/** What a child knows, and how it responds. */
class ChildState {
  readonly #users: readonly ChildUser[];
  readonly #administrators: NonNullable<ChildOptions["administrators"]>;
  readonly #key: KeyObject | undefined;
  readonly #time: () => number;
  readonly #unused = new Map<ChildUser, Set<string>>();

  constructor({ users = [], administrators = [], key, time }: ChildOptions) {
    this.#users = users;
    this.#administrators = administrators;
    this.#key = key === undefined ? undefined : createPrivateKey(key);
    this.#time = time ?? (() => Date.now() / 1_000);
    for (const user of users) this.#unused.set(user, new Set(user.passwords));
  }

  respond(request: ChildRequest, fault: ChildFault | undefined): Rendered {
    const { method, path } = request;
    if (path === "/validate/check" && method !== "GET" && method !== "POST") return notAllowed;
    if (path === "/validate/radiuscheck") {
      const { body } = this.#check(request);
      const isAccepted = dumps(body).includes('"ACCEPT"');
      return {
        status: isAccepted ? 204 : 400,
        type: "text/plain; charset=utf-8",
        content: "",
      };
    }
    const routed = this.#route(request);
    if (routed === undefined) return notFound;
    const { status, body } = routed;
    const nonce = request.parameters.get("nonce");
    const said = fault?.kind === "wrong-nonce" ? "not the nonce" : nonce;
    const text = dumps(said === undefined || said === "" ? body : { ...body, nonce: said });
    return { status, type: "application/json", content: this.#sign(text, fault) };
  }

  #sign(text: string, fault: ChildFault | undefined): string {
    if (this.#key === undefined || fault?.kind === "no-signature") return text;
    const signed = signResponse(text, this.#key);
    return fault?.kind === "bad-signature" ? signed.replace('"2.0"', '"2.1"') : signed;
  }

  #route(request: ChildRequest): ChildAnswer | undefined {
    const time = this.#time();
    const { method, path, fields } = request;
    const refusal = authorizationProblem(fields, time);
    if (path === "/validate/check") return this.#check(request);
    if (path === "/auth") return this.#logIn(request);
    if (path === "/validate/polltransaction") return polled("pending", time);
    if (path === "/validate/triggerchallenge") {
      if (refusal !== undefined) return refusal;
      const user = this.#find(request);
      if (user === undefined) return unknownUser(time);
      return challenged(user.serial ?? "", "10436092980086306955", time);
    }
    if (path === "/token/" && method === "GET") {
      if (refusal !== undefined) return refusal;
      return listed(
        this.#users.flatMap(({ serial }) => serial ?? []),
        time,
      );
    }
    if (path.startsWith("/token/") && method === "DELETE") {
      if (refusal !== undefined) return refusal;
      return failed(404, 601, "The requested token could not be found.", time);
    }
    return undefined;
  }

  #logIn({ parameters }: ChildRequest): ChildAnswer {
    const time = this.#time();
    const username = parameters.get("username");
    if (username === undefined) {
      return failed(401, 4032, "Authentication failure. Missing Username", time);
    }
    const isKnown = this.#administrators.some(
      (one) => one.username === username && one.password === parameters.get("password"),
    );
    return isKnown
      ? loggedIn(username, "token", time)
      : failed(401, 4031, "Authentication failure. Wrong credentials", time, {});
  }

  #check(request: ChildRequest): ChildAnswer {
    const time = this.#time();
    const { parameters } = request;
    if (!parameters.has("user") && !parameters.has("serial")) {
      const message = "ERR905: You need to specify a serial, user or credential_id.";
      return failed(400, 905, message, time);
    }
    const user = this.#find(request);
    if (user === undefined) return unknownUser(time);
    const { serial, pin, passwords = [] } = user;
    if (serial === undefined) {
      return checked("REJECT", "The user has no tokens assigned", undefined, time);
    }
    const given = parameters.get("pass") ?? "";
    // The last six characters are the one-time password, whatever they are.
    const password = given.slice(-6);
    if (given.slice(0, -6) !== pin) return checked("REJECT", "wrong otp pin", undefined, time);
    if (this.#unused.get(user)?.delete(password)) {
      return checked("ACCEPT", "matching 1 tokens", serial, time);
    }
    const isUsed = [...passwords].includes(password);
    const message = `wrong otp value${isUsed ? ". previous otp used again" : ""}`;
    return checked("REJECT", message, serial, time);
  }

  #find({ parameters }: ChildRequest): ChildUser | undefined {
    return this.#users.find(
      ({ user, realm, serial }) =>
        (user === parameters.get("user") && realm === (parameters.get("realm") ?? realm)) ||
        (serial !== undefined && serial === parameters.get("serial")),
    );
  }
}

const notFound: Rendered = {
  status: 404,
  type: "text/html; charset=utf-8",
  content:
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n" +
    "<p>The requested URL was not found on the server. " +
    "If you entered the URL manually please check your spelling and try again.</p>\n",
};

const notAllowed: Rendered = {
  status: 405,
  type: "text/html; charset=utf-8",
  content:
    "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n" +
    "<p>The method is not allowed for the requested URL.</p>\n",
};

function unknownUser(time: number): ChildAnswer {
  const message = "ERR904: The user can not be found in any resolver in this realm!";
  return failed(400, 904, message, time);
}

/**
 * Why a request is not that of an authenticated user. The token is taken as it is, and "Bearer" for a part of it.
 */
function authorizationProblem(fields: readonly string[], time: number): ChildAnswer | undefined {
  const at = fields.findIndex(
    (name, index) => index % 2 === 0 && /^(?:pi-)?authorization$/i.test(name),
  );
  const token = at < 0 ? undefined : fields[at + 1];
  if (token === undefined) {
    return failed(401, 4033, "Authentication failure. Missing Authorization header.", time);
  }
  if (!token.includes(" ")) return undefined;
  const message =
    "Authentication failure. Error decoding the Authorization token: Invalid header padding";
  return failed(401, 4304, message, time);
}

/** Reads a request as privacyIDEA does, with its second decoding. */
async function readRequest(request: IncomingMessage): Promise<ChildRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const content = Buffer.concat(chunks).toString();
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://child");
  const isJson = /^application\/json/i.test(request.headers["content-type"] ?? "");
  const knowsNoUnquote = /^(?:privacyidea-cp|privacyidea-ldap-proxy|simplesamlphp)(?![\w-])/i;
  const unquote = (value: string): string =>
    knowsNoUnquote.test(request.headers["user-agent"] ?? "") ? value : pythonUnquote(value);
  const parameters = new Map<string, string>();
  for (const [name, value] of [...(isJson ? [] : new URLSearchParams(content)), ...searchParams]) {
    parameters.set(name, unquote(value));
  }
  if (isJson) {
    const members: Record<string, unknown> = JSON.parse(content);
    for (const [name, value] of Object.entries(members)) parameters.set(name, String(value));
  }
  return {
    method: request.method ?? "",
    path: pathname,
    fields: request.rawHeaders,
    parameters,
    content,
  };
}

/** Undoes percent encoding as Python's `unquote`: what encodes nothing stays. */
function pythonUnquote(value: string): string {
  return value.replace(/(?:%[0-9A-Fa-f]{2})+/g, (encoded) =>
    Buffer.from(encoded.replaceAll("%", ""), "hex").toString(),
  );
}
