/**
 * A JSON string as Python's `json.dumps` prints it: JSON's own escapes, and every character but printable ASCII by its
 * UTF-16 units. Peers that are written in Python sign these bytes.
 */
export function pythonString(value: string): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
