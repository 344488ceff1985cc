/**
 * A deep copy of plain data that cannot be changed: neither the caller that passed the original nor the one that
 * receives the copy reaches into a store by it. A key such as `__proto__` is copied as the plain key that it is.
 */
export function frozenCopy<T>(value: T): T;
export function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozenCopy(item)));
  if (typeof value !== "object" || value === null) return value;
  // Copied whole and changed where it is not flat, objects that are alike stay alike to the engine, which filters
  // profit by.
  const copy: Record<string, unknown> = { ...value };
  for (const [key, item] of Object.entries(copy)) {
    if (typeof item === "object") copy[key] = frozenCopy(item);
  }
  return Object.freeze(copy);
}
