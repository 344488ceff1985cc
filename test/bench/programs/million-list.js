/** Lists all users by cursor, a thousand on a page: `million-list.js TARGET`. */
import { peakMemory } from "./directory.js";
import { openTarget, say } from "./million.js";

const [described] = process.argv.slice(2);
const [{ users }, db] = await openTarget(described);
const begun = performance.now();
let listed = 0;
for (let cursor = ""; cursor !== undefined; ) {
  const page = await users.find({ cursor, count: 1_000 });
  listed += page.resources.length;
  cursor = page.nextCursor;
}
say({ listed, seconds: (performance.now() - begun) / 1_000, peak: peakMemory() });
await db.destroy();
