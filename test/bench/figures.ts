/** Several measurements of one thing. */
export interface Figures {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The median of measurements, and the range in which they are. */
export function figuresOf(measurements: readonly number[]): Figures {
  return {
    median: percentile(measurements, 50),
    min: Math.min(...measurements),
    max: Math.max(...measurements),
  };
}

/** The measurement that so many in a hundred do not exceed. */
export function percentile(measurements: readonly number[], percent: number): number {
  const sorted = [...measurements].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil((sorted.length * percent) / 100) - 1, 0)] ?? Number.NaN;
}

/** Prints a table of figures: what, in which unit, and whether it is what was aimed at. */
export class Report {
  section(title: string): void {
    process.stdout.write(`\n${title}\n`);
  }

  /** A figure with its range: `label   1.23 s (1.20 to 1.31)`. */
  figure(label: string, measurements: readonly number[], unit: string, aim = ""): void {
    const { median, min, max } = figuresOf(measurements);
    const range = measurements.length > 1 ? ` (${print(min)} to ${print(max)})` : "";
    this.#line(label, `${print(median)} ${unit}${range}`, aim);
  }

  /** A sentence among the figures. */
  note(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }

  #line(label: string, value: string, aim: string): void {
    const line = `  ${label.padEnd(66)} ${value}`;
    process.stdout.write(`${aim === "" ? line : `${line.padEnd(104)} aim: ${aim}`}\n`);
  }
}

/** A number with three digits that mean something. */
function print(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toString();
}
