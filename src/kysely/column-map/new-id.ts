/**
 * A new id: a UUID of version 7 (RFC 9562 §5.7), which begins with the time in milliseconds; the rest is random.
 *
 * Rows that are made together get ids that are close together, and so do they lie in each index that holds the id. With
 * ids in random order, a batch of new rows touches pages all over the database.
 */
export function newId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}
