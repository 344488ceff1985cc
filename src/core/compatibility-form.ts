/**
 * 30 combining marks, and another one after them. U+034F, which ends such a run, is not counted. U+FF9E and U+FF9F are
 * letters by themselves, and the only ones that become marks in this form.
 */
const longRun = /([[\p{M}\uff9e\uff9f]--\u034f]{30})(?=[[\p{M}\uff9e\uff9f]--\u034f])/gv;

/**
 * The compatibility form of a text (NFKC), in linear time.
 *
 * Combining marks are put into an order, and a run of them takes time that grows with its square: 125 KiB of
 * alternating marks would block the process for seconds. So a run is divided after each 30 marks by U+034F, as the
 * Stream-Safe Text Format has it (UAX #15 §13), which no text of any language needs.
 */
export function compatibilityForm(text: string): string {
  return (text.length > 30 ? text.replace(longRun, "$1\u034f") : text).normalize("NFKC");
}
