import { timingSafeEqual } from "node:crypto";
import { withoutWhitespace } from "../../core/index.js";
import { tokenId } from "../token.js";

/** What a browser keeps of a sign-on that it began. */
export interface Flow {
  readonly state: string;
  readonly requestToken: string;
  /** Where the visitor wants to go afterwards, as it was asked for. */
  readonly next: string;
  /** When it began, in milliseconds since the epoch. */
  readonly begunAt: number;
}

/** How many sign-ons a browser may have under way, in as many tabs. */
const mostFlows = 5;

/**
 * Keeps a sign-on with the browser that began it: who comes back without the cookie is another one.
 *
 * The cookie's name has the prefix `__Host-` (RFC 6265bis §4.1.3.2), so that no other host can set it, unless the site
 * is one of this machine without TLS, where browsers refuse such names.
 */
export class FlowCookies {
  readonly #prefix: string;
  readonly #attributes: string;
  readonly #lifetime: number;

  constructor(site: URL, lifetime: number) {
    const isSecure = site.protocol === "https:";
    this.#prefix = `${isSecure ? "__Host-" : ""}sign-on-`;
    this.#attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
    this.#lifetime = lifetime;
  }

  /** The `Set-Cookie` lines that begin a sign-on. Where too many are under way, those that began first are given up. */
  begin(request: Request, flow: Flow): readonly string[] {
    const others = cookiesOf(request)
      .filter(([name]) => name.startsWith(this.#prefix))
      .map(([name, value]) => ({ name, begunAt: readFlow(value)?.begunAt ?? 0 }))
      .sort((one, other) => one.begunAt - other.begunAt);
    const value = Buffer.from(JSON.stringify(flow)).toString("base64url");
    return [
      ...others
        .slice(0, Math.max(0, others.length - (mostFlows - 1)))
        .map(({ name }) => this.#end(name)),
      `${this.#nameOf(flow.state)}=${value}${this.#attributes}; Max-Age=${this.#lifetime}`,
    ];
  }

  /** The sign-on that this browser began with this state. */
  find(request: Request, state: string): Flow | undefined {
    const name = this.#nameOf(state);
    const found = cookiesOf(request).filter(([one]) => one === name);
    const [cookie] = found;
    if (cookie === undefined || found.length > 1) return undefined;
    const flow = readFlow(cookie[1]);
    return flow !== undefined && areEqual(flow.state, state) ? flow : undefined;
  }

  /** The `Set-Cookie` line that ends a sign-on. */
  end(state: string): string {
    return this.#end(this.#nameOf(state));
  }

  #end(name: string): string {
    return `${name}=${this.#attributes}; Max-Age=0`;
  }

  #nameOf(state: string): string {
    return `${this.#prefix}${tokenId(state).slice(0, 16)}`;
  }
}

function cookiesOf(request: Request): readonly (readonly [name: string, value: string])[] {
  const header = request.headers.get("cookie") ?? "";
  return header.split(";").flatMap((pair): [string, string][] => {
    const equals = pair.indexOf("=");
    if (equals < 0) return [];
    // Any host may set a cookie whose name begins with a space of another kind: it is not one with the prefix.
    return [[withoutWhitespace(pair.slice(0, equals)), withoutWhitespace(pair.slice(equals + 1))]];
  });
}

function readFlow(value: string): Flow | undefined {
  try {
    const flow: unknown = JSON.parse(Buffer.from(value, "base64url").toString());
    const { state, requestToken, next, begunAt } = flow as Partial<Record<keyof Flow, unknown>>;
    const isFlow =
      typeof state === "string" &&
      typeof requestToken === "string" &&
      typeof next === "string" &&
      typeof begunAt === "number";
    return isFlow ? { state, requestToken, next, begunAt } : undefined;
  } catch {
    return undefined;
  }
}

function areEqual(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(tokenId(one)), Buffer.from(tokenId(other)));
}
