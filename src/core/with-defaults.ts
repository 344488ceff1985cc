/** Options of which each has a value. */
export type Settled<O> = { readonly [K in keyof O]-?: Exclude<O[K], undefined> };

/** The options with their defaults; one that is `undefined` is one that is not given. */
export function withDefaults<O extends object>(defaults: Settled<O>, stated: O): Settled<O> {
  const given = Object.entries(stated).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}
