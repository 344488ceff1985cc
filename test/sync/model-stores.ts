import type { CheckpointRepository } from "concordat/repositories";
import type { Target } from "./stores.js";

/** The target with the position of each stream in another row: where that is a new one, the row of before is lost. */
export function withPositionAs(target: Target, row: string): Target {
  const { transaction, fence } = target;
  const checkpoints = inRow(target.checkpoints, row);
  return {
    ...target,
    checkpoints,
    ...(transaction === undefined
      ? {}
      : {
          transaction: (work) =>
            transaction.call(target, (inside) =>
              work(withPositionAs(inside as Target, row)),
            ) as never,
        }),
    ...(fence === undefined
      ? {}
      : {
          fence: (_stream, epoch) => {
            const fenced = fence.call(target, row, epoch);
            return { ...fenced, checkpoints: inRow(fenced.checkpoints, row) };
          },
        }),
  };
}

function inRow(checkpoints: CheckpointRepository, row: string): CheckpointRepository {
  return new Proxy(checkpoints, {
    get(wrapped, method): unknown {
      const value: unknown = Reflect.get(wrapped, method, wrapped);
      if (typeof value !== "function") return value;
      // Every method names the stream first.
      return (_stream: string, ...others: readonly unknown[]) =>
        value.apply(wrapped, [row, ...others]);
    },
  });
}
