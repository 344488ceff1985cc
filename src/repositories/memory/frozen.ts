/**
 * A deep copy of plain data that nobody can change: neither who passed the original nor who is handed the copy reaches
 * into a store by it. A key such as `__proto__` is copied as the plain key that it is.
 */
export function frozenCopy<T>(value: T): T;
export function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozenCopy(item)));
  if (typeof value !== "object" || value === null) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, frozenCopy(item)])),
  );
}
