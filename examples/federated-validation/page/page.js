/** Shows what the state says, twice a second. */

/** How many answers are in the table. */
const rows = 12;

let children = [];

const find = (selector) => document.querySelector(selector);
const form = find("#ask");
const said = find("#said");

find("#press").addEventListener("click", async () => {
  const response = await post(`/tokens/${form.elements.user.value}/press`);
  form.elements.pass.value = response.ok ? await response.text() : "000000";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await post("/validate/check", new URLSearchParams(new FormData(form)));
  const { detail, result } = await response.json();
  const by = answeredBy({ status: response.status, origin: detail?.origin });
  form.elements.pass.value = "";
  said.textContent = `${result.authentication ?? result.error.message} (${by})`;
  await show();
});

find("#demonstration").addEventListener("click", () => post("/demonstration"));

for (const name of ["north", "south"]) {
  const button = find(`#instances .${name} button`);
  button.addEventListener("click", async () => {
    await post(`/children/${name}/${button.value}`);
    await show();
  });
}

// In a narrow window the table is laid out as blocks, and is still a table for a screen reader.
const roles = {
  table: "table",
  thead: "rowgroup",
  tbody: "rowgroup",
  tr: "row",
  th: "columnheader",
};
for (const [name, role] of Object.entries(roles)) {
  for (const part of document.querySelectorAll(name)) part.role = role;
}

await show();
setInterval(show, 500);

function post(path, body) {
  return fetch(path, { method: "POST", body });
}

async function show() {
  const response = await fetch("/state").catch(() => undefined);
  if (response === undefined) return;
  const state = await response.json();
  children = state.children;
  for (const child of children) showChild(child);
  const answers = state.answers.map((answer) => ({ ...answer, by: answeredBy(answer) }));
  for (const name of ["headquarters", ...children.map(({ name }) => name)]) {
    const count = answers.filter(({ by }) => by === name).length;
    find(`#instances .${name} .count`).textContent =
      `${count} of the last ${answers.length} answers`;
  }
  find("#strip").replaceChildren(
    ...answers.toReversed().map(({ by }) => element("li", undefined, by)),
  );
  find("#answers").replaceChildren(...answers.slice(0, rows).map(row));
}

function showChild({ name, isRunning, isLeftInPeace }) {
  const item = find(`#instances .${name}`);
  item.classList.toggle("stopped", !isRunning);
  item.querySelector(".state").textContent =
    (isRunning ? "running" : "stopped") + (isLeftInPeace ? ", left in peace for a while" : "");
  const button = item.querySelector("button");
  button.value = isRunning ? "stop" : "start";
  button.textContent = `${isRunning ? "Stop" : "Start"} ${name}`;
}

/** Who has answered: a child has the origin of the answer, and a failure none. */
function answeredBy({ status, origin }) {
  if (status >= 500) return "nobody";
  if (origin === undefined) return "headquarters";
  return children.find(({ url }) => origin.startsWith(`${url}/`))?.name ?? "nobody";
}

function row({ number, user, by, answer, duration }) {
  const line = element("tr");
  line.append(
    element("td", number, "number"),
    element("td", user),
    element("td", by, `by ${by}`),
    element("td", answer, "said"),
    element("td", `${duration.toFixed(1)} ms`, "number"),
  );
  line.role = "row";
  for (const cell of line.children) cell.role = "cell";
  return line;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.className = className;
  return made;
}
