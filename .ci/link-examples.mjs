// Lets the examples find the package that is built here by its name, as they do where they are copied to: each is a
// package of its own, so that the name does not lead to the one around it.
import { lstatSync, mkdirSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../examples/node_modules/", import.meta.url));
mkdirSync(folder, { recursive: true });
if (lstatSync(`${folder}concordat`, { throwIfNoEntry: false }) === undefined) {
  symlinkSync("../..", `${folder}concordat`, "junction");
}
