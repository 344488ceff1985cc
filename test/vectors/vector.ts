import { readFileSync } from "node:fs";

/** The content of one of the data files beside this one, by its name without ".json". */
export function vector<T = Record<string, unknown>>(name: string): T {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
}
