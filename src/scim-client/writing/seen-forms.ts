/**
 * Which forms of a change were seen to work at a service provider, and when another is to be looked at: each form until
 * it was seen to work once, and then every so many changes of its kind.
 */
export class SeenForms {
  readonly #every: number;
  readonly #seen = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #requested = new Set<string>();

  /** @param every One in how many changes is looked at. `Infinity`: none but the first of each form. */
  constructor(every: number) {
    this.#every = every;
  }

  /** Whether what becomes of a change of these forms is to be looked at. Each question counts as a change. */
  isDue(kind: string, forms: readonly string[]): boolean {
    if (forms.length === 0) return false;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return this.#requested.delete(kind) || this.isNew(forms) || count % this.#every === 0;
  }

  /** Whether one of these forms was never seen to work. */
  isNew(forms: readonly string[]): boolean {
    return forms.some((form) => !this.#seen.has(form));
  }

  /** Has the next change of a kind verified. */
  request(kind: string): void {
    this.#requested.add(kind);
  }

  worked(forms: readonly string[]): void {
    for (const form of forms) this.#seen.add(form);
  }

  failed(forms: readonly string[]): void {
    for (const form of forms) this.#seen.delete(form);
  }
}
