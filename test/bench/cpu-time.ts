/** The milliseconds of CPU time that two pieces of work take, once each; measured in turn, and so many times. */
export function inTurn(
  runs: number,
  one: () => unknown,
  other: () => unknown,
): [number[], number[]] {
  const rounds = [roundOf(one), roundOf(other)] as const;
  const measurements: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    measurements[0].push(timeOf(one, rounds[0]) / rounds[0]);
    measurements[1].push(timeOf(other, rounds[1]) / rounds[1]);
  }
  return measurements;
}

/** How many times a piece of work is done in some 200 ms, once the compiler has seen enough of it. */
export function roundOf(work: () => unknown): number {
  let round = 1;
  while (timeOf(work, round) < 200) round *= 2;
  return round;
}

/** The milliseconds of CPU time that a piece of work takes, done so many times. */
export function timeOf(work: () => unknown, round: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < round; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** How many times a second, at so many milliseconds each. */
export function perSecond(milliseconds: number): number {
  return 1000 / milliseconds;
}

/** How many times as fast one is as the other, run by run. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((time, index) => (theirs[index] ?? Number.NaN) / time);
}

/** The milliseconds of CPU time that a piece of work takes which has to be awaited, so many times over. */
export async function timesOf(runs: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = process.cpuUsage();
    let done = 0;
    let spent = 0;
    while (spent < 200) {
      await work();
      done++;
      const { user, system } = process.cpuUsage(before);
      spent = (user + system) / 1000;
    }
    // The first is for the compiler.
    if (run > 0) times.push(spent / done);
  }
  return times;
}
