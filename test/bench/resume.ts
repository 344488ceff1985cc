import { Attribute, Change, Client } from "ldapts";
import type { Report } from "./figures.ts";
import { measure, program } from "./measured.ts";
import { adminDn, dnOf, password, suffix } from "./people.ts";
import type { Server } from "./server.ts";
import { databaseOf } from "./store.ts";

/** A restart of the consumer: how long until it has caught up. */
export async function measureResume(
  report: Report,
  server: Server,
  people: number,
  runs: number,
): Promise<void> {
  report.section(
    `A resume on ${people.toLocaleString("en")} people, from the start of the process to its end after the next ` +
      `checkpoint`,
  );
  const listed: number[] = [];
  const older = await checkpointOf(server);
  for (let run = 0; run < runs; run++) {
    listed.push((await measure(program("resume.js", server.describe(suffix), older))).wall);
  }
  // A state that is newer than the server's start needs no look at what exists.
  await modify(server, 0);
  const checkpoint = await checkpointOf(server);
  await measure(program("store.js", server.describe(suffix), databaseOf(server, -1)));

  const walls: number[] = [];
  const stored: number[] = [];
  for (let run = 0; run < runs; run++) {
    const changes = await measure(program("resume.js", server.describe(suffix), checkpoint));
    assertContains(changes.output, '"changes":0');
    walls.push(changes.wall);
    const store = await measure(
      program("resume-store.js", server.describe(suffix), databaseOf(server, -1)),
    );
    stored.push(store.wall);
  }
  report.figure("nothing changed: into changes", walls, "s", "< 1");
  report.figure("nothing changed: into SQLite", stored, "s", "< 1");

  report.figure("the same after a start of the server: into changes", listed, "s", "< 1");

  const lists: { wall: number; cpu: number }[] = [];
  for (let run = 0; run < runs; run++) {
    const path = databaseOf(server, -1);
    const { output } = await measure(program("list-names.js", server.describe(suffix), path));
    lists.push(JSON.parse(output) as { wall: number; cpu: number });
  }
  report.figure(
    "a list of all names beside it, with nothing to repair, into SQLite",
    lists.map(({ wall }) => wall),
    "s",
  );
  report.figure(
    "  its CPU here",
    lists.map(({ cpu }) => cpu),
    "s",
  );

  await server.restart(0);
  await modify(server, 1);
  const present: number[] = [];
  for (let run = 0; run < runs; run++) {
    present.push((await measure(program("resume.js", server.describe(suffix), checkpoint))).wall);
  }
  const presentStored = await measure(
    program("resume-store.js", server.describe(suffix), databaseOf(server, -1)),
  );
  report.figure("one entry changed, no session log: into changes", present, "s");
  report.figure("one entry changed, no session log: into SQLite", [presentStored.wall], "s");
  await server.restart(1_000);
}

async function checkpointOf(server: Server): Promise<string> {
  const { output } = await measure(program("resume.js", server.describe(suffix)));
  const { checkpoint } = JSON.parse(output) as { checkpoint: string };
  return checkpoint;
}

async function modify({ url }: Server, person: number): Promise<void> {
  const client = new Client({ url });
  await client.bind(adminDn, password);
  const title = new Attribute({ type: "title", values: ["Changed while nobody looked"] });
  await client.modify(dnOf(person), new Change({ operation: "replace", modification: title }));
  await client.unbind();
}

function assertContains(output: string, expected: string): void {
  if (!output.includes(expected)) throw new Error(`It was to be ${expected}: ${output}`);
}
