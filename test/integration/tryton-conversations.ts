/** Of `test/interop/conversation.ts`. */
export interface Conversation {
  readonly exchanges: readonly {
    readonly what: string;
    readonly request: { readonly line: string; readonly body?: unknown };
    readonly response: { readonly status: number; readonly body?: unknown };
    readonly created?: string;
    readonly afterwards?: Readonly<Record<string, unknown>>;
  }[];
}

/** The same with ids in the place of names. */
export function withIds<T>(value: T, ids: ReadonlyMap<string, string>): T {
  return JSON.parse(
    JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (braced, name) => ids.get(name) ?? braced),
  );
}

/** What Tryton keeps of a resource in a response. */
// biome-ignore lint/suspicious/noExplicitAny: a response may be anything.
export function inTryton(body: any): unknown {
  if (body === undefined) return undefined;
  if (body.Resources !== undefined) {
    return { totalResults: body.totalResults, resources: body.Resources.map(inTryton) };
  }
  if (body.status !== undefined) return { status: body.status, detail: body.detail };
  const { id, externalId, userName, displayName, active, emails, members } = body;
  if (userName === undefined) {
    const values = members?.map(({ value }: { value: string }) => value).sort();
    return { id, externalId, displayName, members: values };
  }
  const [email] = emails ?? [];
  return { id, externalId, userName, active, email: email?.value };
}
