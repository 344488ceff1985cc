import type { Change } from "../../changes/index.js";

/** The changes that were read and not handed over, which leave in batches of a limited size. */
export class Batches {
  readonly #size: number;
  #isOrderSure = false;
  /** Gets the changes, in their order. */
  changes: Change[] = [];

  /** @param size the most changes in a batch. */
  constructor(size: number) {
    this.#size = size;
  }

  get isEmpty(): boolean {
    return this.changes.length === 0;
  }

  get isFull(): boolean {
    return this.changes.length >= this.#size;
  }

  /** A change may be added: whether it comes in a sure order. Others that wait may be older than what is known. */
  noteOrder(isSure: boolean): void {
    this.#isOrderSure = isSure && (this.isEmpty || this.#isOrderSure);
  }

  /** Takes the changes of the next batch. Those beyond the limit stay for the one after it. */
  take(): { readonly changes: Change[]; readonly isLast: boolean; readonly isOrdered: boolean } {
    const changes = this.changes;
    const isLast = changes.length <= this.#size;
    this.changes = isLast ? [] : changes.slice(this.#size);
    const taken = isLast ? changes : changes.slice(0, this.#size);
    return { changes: taken, isLast, isOrdered: this.#isOrderSure };
  }
}
