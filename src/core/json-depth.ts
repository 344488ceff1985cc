const quote = 0x22;
const backslash = 0x5c;
const opens = new Set([0x5b, 0x7b]);
const closes = new Set([0x5d, 0x7d]);

/** Whether a text of JSON has more brackets open at a time than the limit allows: to be asked before it is parsed. */
export function isNestedDeeper(json: string, limit: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (isInString) {
      if (code === backslash) at++;
      else if (code === quote) isInString = false;
    } else if (code === quote) isInString = true;
    else if (opens.has(code)) {
      if (++depth > limit) return true;
    } else if (closes.has(code)) depth--;
  }
  return false;
}
