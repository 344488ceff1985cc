/** Shows what the state says, twice a second. */

/** How many looks a curve shows. */
const looks = 120;

/** What was seen of each application, by its name: how far it was behind. */
const curves = new Map();
/** The items of the applications, by their names. */
const items = new Map();

const find = (selector) => document.querySelector(selector);
const number = (count) => count.toLocaleString("en");

for (const id of ["change", "demonstration"]) {
  find(`#${id}`).addEventListener("click", async () => {
    const response = await post(`/${id}`);
    find("#said").textContent = await response.text();
    await show();
  });
}

await show();
setInterval(show, 500);

function post(path) {
  return fetch(path, { method: "POST" });
}

async function show() {
  const response = await fetch("/state").catch(() => undefined);
  if (response === undefined) return;
  const { directory, log, applications } = await response.json();
  find("#people").textContent = number(directory.users);
  find("#groups").textContent = number(directory.groups);
  find("#memberships").textContent = number(directory.memberships);
  find("#changes").textContent = number(directory.changes);
  find("#written").textContent = number(log.written);
  find("#log").textContent = log.description;
  for (const application of applications) showApplication(application);
}

function showApplication({ name, state, isRunning, lag, done, ...counts }) {
  const item = items.get(name) ?? made(name);
  item.className = state.replaceAll(" ", "-");
  item.querySelector(".state").textContent = state;
  item.querySelector(".lag").textContent = lagText(lag);
  for (const part of ["users", "groups", "memberships"]) {
    item.querySelector(`.${part}`).textContent = number(counts[part]);
  }
  item.querySelector(".done").textContent =
    state === "not begun"
      ? "It has read nothing."
      : `Since it was started: ${number(done.created)} created, ${number(done.changed)} changed, ` +
        `${number(done.removed)} deleted`;
  const button = item.querySelector("button");
  button.value = isRunning ? "stop" : "start";
  button.textContent = `${isRunning ? "Stop" : "Start"} ${name}`;
  draw(item, name, lag?.changes ?? 0);
}

function lagText(lag) {
  if (lag === undefined) return "no position in the log";
  if (!lag.known) return lag.reason;
  if (!lag.isAhead) return "nothing left to read";
  if (lag.changes === undefined) return "more than 10,000 changes behind";
  return `${number(lag.changes)} ${lag.changes === 1 ? "change" : "changes"} behind`;
}

function made(name) {
  const item = find("#application").content.firstElementChild.cloneNode(true);
  item.querySelector("h3").textContent = name;
  const button = item.querySelector("button");
  button.addEventListener("click", async () => {
    await post(`/applications/${name}/${button.value}`);
    await show();
  });
  items.set(name, item);
  find("#applications").append(item);
  return item;
}

/** Draws how far it was behind, on a scale that has room for ten changes at least. */
function draw(item, name, behind) {
  const curve = [...(curves.get(name) ?? []), behind].slice(-looks);
  curves.set(name, curve);
  const top = Math.max(10, ...curve);
  const points = curve.map((value, index) => `${index},${31 - (value / top) * 30}`);
  item.querySelector("polyline").setAttribute("points", points.join(" "));
}
