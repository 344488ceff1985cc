import type { Scenario } from "./directory-scenario.js";
import { adding, type Following, type Recorder, replacing } from "./directory-scenario-recorder.js";
import type { RecordedSearch } from "./directory-scenario-wire.js";

/** Numbers from 0 up to a limit that are the same for a seed every time (Lehmer's generator). */
function numbersFrom(seed: number): (limit: number) => number {
  let state = seed * 7919 + 1;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

const uids = ["a", "b", "c", "d", "e"];
const places = ["ou=people", "ou=groups"];

/**
 * Writes and resumes at random, but for a seed the same every time: either with a search that persists all the while,
 * or with restarts between.
 */
export function randomScenario(seed: number): Scenario {
  let next = numbersFrom(seed);
  const sessionLog = [0, 3, 6, 1000][next(4)] ?? 0;
  const below = next(2) === 0 ? "ou=people" : "";
  const persists = next(2) === 0;
  const filter = "(|(title=boss)(cn=marker))";
  const search = (
    recorder: Recorder,
    sync: NonNullable<RecordedSearch["sync"]>,
  ): RecordedSearch => ({
    base: recorder.dn(below),
    filter,
    attributes: ["title", "description"],
    sync,
  });

  async function write(recorder: Recorder): Promise<void> {
    const uid = uids[next(uids.length)] ?? "";
    const place = places[next(places.length)] ?? "";
    const name = `uid=${uid},${place}`;
    switch (next(5)) {
      case 0:
        return await recorder.add(name, {
          ...{ objectClass: "inetOrgPerson", uid, cn: uid, sn: uid },
          title: next(2) === 0 ? "boss" : "clerk",
        });
      case 1:
        return await recorder.modify(
          name,
          "a title",
          replacing("title", next(2) === 0 ? "boss" : "clerk"),
        );
      case 2:
        return await recorder.modify(name, "a mail", adding("mail", `${next(1000)}@example.com`));
      case 3:
        return await recorder.delete(name);
      default:
        return await recorder.rename(name, `uid=${uids[next(uids.length)]},${places[next(2)]}`);
    }
  }

  async function play(recorder: Recorder): Promise<void> {
    next = numbersFrom(seed);
    for (const uid of uids) await recorder.addPerson(uid, { title: "boss" });
    const cookies: string[] = [];
    const keep = (cookie: string | undefined) => {
      if (cookie !== undefined) cookies.push(cookie);
    };
    keep(await recorder.search("first refresh", search(recorder, { mode: 1 })));
    await using live: Following | undefined = persists
      ? await recorder.follow("persist", search(recorder, { mode: 3 }))
      : undefined;
    for (let round = 0; round < 8; round++) {
      for (let count = next(4); count >= 0; count--) await write(recorder);
      keep(await live?.record("what was seen"));
      const cookie = cookies[next(cookies.length)] ?? "";
      keep(await recorder.search("resume", search(recorder, { mode: 1, cookie })));
      if (!persists && next(3) === 0) await recorder.restart();
    }
  }

  return { name: `seed ${seed}`, options: { sessionLog }, play };
}
