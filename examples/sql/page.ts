import { sql } from "kysely";
import type { Database } from "./database.ts";

interface PersonRow {
  readonly login: string;
  readonly name: string;
  readonly email: string | null;
  readonly disabled: boolean;
  readonly teams: readonly string[];
  readonly sessions: number;
}

/** The page: who is there, which teams there are, and who is signed in. */
export async function page(db: Database): Promise<string> {
  const people = await peopleOf(db);
  const teams = new Map<string, string[]>();
  for (const { title } of await db.selectFrom("team").select("title").orderBy("title").execute()) {
    teams.set(title, []);
  }
  for (const person of people) for (const team of person.teams) teams.get(team)?.push(person.login);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>People and teams</title>
<link rel="stylesheet" href="/page.css">
<header>
<h1>People and teams</h1>
<p>Who is in the application's tables, and who is signed in.</p>
</header>
<main>
<section>
<h2 id="people">People</h2>
${table(
  "people",
  ["Name", "Login", "Email", "State", "Teams", "Sessions"],
  people.map(({ name, login, email, disabled, teams: own, sessions }) => [
    escaped(name),
    escaped(login),
    escaped(email ?? ""),
    disabled ? '<span class="disabled">disabled</span>' : '<span class="active">active</span>',
    escaped(own.join(", ")),
    String(sessions),
  ]),
)}
</section>
<section>
<h2 id="teams">Teams</h2>
${table(
  "teams",
  ["Team", "Members"],
  [...teams].map(([title, members]) => [escaped(title), escaped(members.join(", "))]),
)}
</section>
</main>
</html>
`;
}

async function peopleOf(db: Database): Promise<readonly PersonRow[]> {
  const memberships = await db
    .selectFrom("team_member")
    .innerJoin("team", "team.id", "team_member.team_id")
    .select(["person_id", "title"])
    .orderBy("title")
    .execute();
  const { rows: sessions } = await sql<{ person_id: number; count: number }>`
    select person_id, count(*) as count from session
    where expires_at > ${new Date().toISOString()} group by person_id`.execute(db);
  const rows = await db.selectFrom("person").selectAll().orderBy("login").execute();
  return rows.map(({ id, login, first_name, last_name, email, disabled }) => ({
    login,
    name: [first_name, last_name].filter(Boolean).join(" ") || login,
    email,
    disabled: Number(disabled) !== 0,
    teams: memberships.filter(({ person_id }) => person_id === id).map(({ title }) => title),
    sessions: Number(sessions.find(({ person_id }) => person_id === id)?.count ?? 0),
  }));
}

/** A table that is a list of cards in a narrow window: there its parts are blocks, whose roles have to be stated. */
function table(
  label: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = heads.map((text) => `<th scope="col" role="columnheader">${text}</th>`).join("");
  const body = rows.map(([first = "", ...others]) => {
    const cells = others.map(
      (cell, at) => `<td role="cell" data-label="${heads[at + 1]}">${cell}</td>`,
    );
    return `<tr role="row"><th scope="row" role="rowheader">${first}</th>${cells.join("")}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-labelledby="${label}">
<table role="table" aria-labelledby="${label}">
<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">
${body.join("\n")}
</tbody></table></div>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}
