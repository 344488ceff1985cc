import { stillUnknown } from "../entries/present.js";
import type { Step } from "../step/step.js";
import type { Findings } from "./findings.js";

/** Which checkpoint can be stored: nothing is stored before all is known that comes before it. */
export class Checkpoints {
  readonly #findings: Findings;
  /** It is stored when all entries have been read that are to be read again. */
  #held: string | undefined;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** The checkpoint that can be stored now. @param judge whether what was called unchanged has to be known by now. */
  async after(
    step: Step,
    checkpoint: string | undefined,
    judge: boolean,
  ): Promise<{ readonly checkpoint: string } | undefined> {
    if (checkpoint === undefined) return undefined;
    if (judge) {
      const unknown = await stillUnknown(step);
      this.#ask(
        step,
        unknown.filter((id) => !this.#findings.isUnreadable(id)),
      );
    }
    this.#findings.judgeAgain();
    if (step.refresh.isRestarting) return undefined;
    if (this.#findings.again.size === 0) return { checkpoint };
    this.#held = checkpoint;
    return undefined;
  }

  /** The checkpoint that was held back, once entries were read again. */
  async afterRereading(step: Step): Promise<{ readonly checkpoint: string } | undefined> {
    return await this.after(step, this.#held, false);
  }

  /** What was held back is stored, or of no use. */
  forgetHeld(): void {
    this.#held = undefined;
  }

  /**
   * Has entries read that are called unchanged and are not known, or all, where that shows that the stored state is an
   * old one.
   */
  #ask(step: Step, unknown: readonly string[]): void {
    if (unknown.length === 0) return;
    const { again, state } = step.ordering;
    const isShownByList = step.phase === "reconcile" && state !== undefined;
    if (!isShownByList || again === undefined) {
      step.refresh.restart("An entry that should be known is not.");
      return;
    }
    for (const id of unknown) again.ask(id);
  }
}
