// The page works without this; with it, it shows requests as they come.
const log = document.querySelector("#log");
const state = document.querySelector("#state");

const events = new EventSource("/events");
events.addEventListener("request", async ({ data }) => {
  log.insertAdjacentHTML("afterbegin", data);
  while (log.children.length > 100) log.lastElementChild.remove();
  // A choice that is being made is not disturbed.
  if (state.contains(document.activeElement)) return;
  const answer = await fetch("/state");
  if (answer.ok) state.innerHTML = await answer.text();
});
