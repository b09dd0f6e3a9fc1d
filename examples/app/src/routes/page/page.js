"use strict";
// Sends forms without reloading the page, and refreshes it when the visitor returns to it. The server renders
// everything; without scripts, the same forms work as they are.

const BUSY = "aria-busy";

const main = () => document.getElementById("main");

function tell(text) {
  document.getElementById("notice").textContent = text;
}

/** Replaces our content with the response's; false if the response is not a page of ours. */
function show(next) {
  const content = next.getElementById("main");
  if (!content) return false;
  main().replaceWith(content);
  document.title = next.title;
  return true;
}

async function read(response) {
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function send(form, button) {
  if (main().hasAttribute(BUSY)) return;
  main().setAttribute(BUSY, "true");
  const field = form.querySelector("input:not([type=hidden])")?.id;
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const response = await fetch(form.action, { method: "POST", body });
    const next = await read(response);
    const news = next.getElementById("notice")?.textContent;
    // In an outage the page stays as it is.
    if (response.status >= 500 || !show(next)) return tell(news ?? "The server refused that. Please load the page again.");
    tell(news);
    history.replaceState(null, "", "/");
    (document.getElementById(field) ?? main()).focus({ preventScroll: true });
    if (news) scrollTo(0, 0);
  } catch {
    tell("The server cannot be reached. Nothing is known to have changed.");
  } finally {
    main().removeAttribute(BUSY);
  }
}

/** Shows changes made elsewhere, without losing what is being typed here. */
async function look() {
  if (document.visibilityState !== "visible" || main().hasAttribute(BUSY)) return;
  const before = main();
  const response = await fetch("/").catch(() => null);
  const next = response?.ok && (await read(response));
  if (!next || before !== main() || before.hasAttribute(BUSY)) return;
  const typed = [...before.querySelectorAll("input[id]")].map((input) => [input.id, input.value]);
  const focus = document.activeElement?.id;
  if (!show(next)) return;
  for (const [id, value] of typed) {
    const input = document.getElementById(id);
    if (input) input.value = value;
  }
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  const news = next.getElementById("notice").textContent;
  if (news) tell(news);
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target, event.submitter);
});
document.addEventListener("visibilitychange", look);
addEventListener("pageshow", (event) => event.persisted && look());
// A notice is shown once: not again when the page is reloaded.
if (location.search) history.replaceState(null, "", "/");
