import type { Assertion, CharacterTest } from "./characters.js";

/** A part of an expression. */
export type Node =
  | { readonly kind: "character"; readonly test: CharacterTest }
  | { readonly kind: "assertion"; readonly holds: Assertion }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly nodes: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number };

/** One step of a program. A split goes on at several places at once. */
export type Instruction =
  | { readonly kind: "character"; readonly test: CharacterTest }
  | { readonly kind: "assertion"; readonly holds: Assertion }
  | { readonly kind: "split"; readonly to: number[] }
  | { readonly kind: "match" };

/** How large an expression may be when its repetitions are written out. */
const maxInstructions = 5_000;

/**
 * Writes an expression as a program, its repetitions written out.
 *
 * @throws {SyntaxError} it is too large.
 */
export function compile(node: Node): readonly Instruction[] {
  const program: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    if (program.length >= maxInstructions) throw new SyntaxError("it is too large.");
    return program.push(instruction) - 1;
  };
  let written = 0;
  const emit = (one: Node): void => {
    // What is empty makes no instruction, however often it is repeated.
    written += 1;
    if (written > 4 * maxInstructions) throw new SyntaxError("it is too large.");
    switch (one.kind) {
      case "character":
      case "assertion":
        add(one);
        return;
      case "sequence":
        one.nodes.forEach(emit);
        return;
      case "choice": {
        const split: number[] = [];
        add({ kind: "split", to: split });
        const ends: number[][] = [];
        for (const alternative of one.nodes) {
          split.push(program.length);
          emit(alternative);
          const end: number[] = [];
          add({ kind: "split", to: end });
          ends.push(end);
        }
        for (const end of ends) end.push(program.length);
        return;
      }
      case "repeat": {
        for (let count = 0; count < one.min; count += 1) emit(one.node);
        if (one.max === Number.POSITIVE_INFINITY) {
          const to: number[] = [];
          const loop = add({ kind: "split", to });
          to.push(program.length);
          emit(one.node);
          add({ kind: "split", to: [loop] });
          to.push(program.length);
          return;
        }
        const skips: number[][] = [];
        for (let count = one.min; count < one.max; count += 1) {
          const to: number[] = [];
          add({ kind: "split", to });
          to.push(program.length);
          skips.push(to);
          emit(one.node);
        }
        for (const to of skips) to.push(program.length);
      }
    }
  };
  emit(node);
  add({ kind: "match" });
  return program;
}

/**
 * Whether a program matches a text from its beginning; as a search, from anywhere. All ways through it are followed
 * side by side.
 */
export function run(program: readonly Instruction[], text: string, isSearch: boolean): boolean {
  const characters = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  let current = new Set<number>();
  for (let at = 0; at <= characters.length; at += 1) {
    if (at === 0 || isSearch) follow(program, characters, at, 0, current);
    const next = new Set<number>();
    const code = characters[at] ?? -1;
    for (const index of current) {
      const instruction = program[index];
      if (instruction?.kind === "match") return true;
      if (instruction?.kind === "character" && code >= 0 && instruction.test(code)) {
        follow(program, characters, at + 1, index + 1, next);
      }
    }
    current = next;
    if (current.size === 0 && !isSearch) return false;
  }
  return false;
}

/** Adds every instruction that is reached from one without reading a character. */
function follow(
  program: readonly Instruction[],
  characters: readonly number[],
  at: number,
  from: number,
  reached: Set<number>,
): void {
  const pending = [from];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (reached.has(index)) continue;
    reached.add(index);
    const instruction = program[index];
    if (instruction?.kind === "split") pending.push(...instruction.to);
    else if (instruction?.kind === "assertion" && instruction.holds(characters, at)) {
      pending.push(index + 1);
    }
  }
}
