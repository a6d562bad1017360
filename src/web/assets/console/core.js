// The console's one script. Every page works without it; it keeps pages live and takes small steps away.
//
// What markup may ask for:
//   data-once          a form that acts: sent once, however often its button is pressed
//   data-copy=TEXT     a button that copies
//   data-swap=ID       a link or a GET form: only the element with that id is replaced by the one of the new page
//   data-typed         such a form is sent while its fields are typed in
//   data-renew=ID      a link: that element is read again from its address, and stays where it is
//   data-panel         a link that opens beside the list
//   data-modal         a link to a page with one form, which opens as a dialog
//   data-guard         a form that asks before what was typed is lost; data-unsaved says that it holds such already
//   data-live=ADDRESS  an element that is kept up to date by server-sent events
//   data-live-alone=ADDRESS  the same for the frame, on pages that have no other stream
//   data-poll=SECONDS  an element with an id that is read again every so often while no stream keeps it up to date, until
//                      it says so no more
//   data-stay          a form whose answer is its next step: a dialog with it stays open
//   data-shows=FIELD   an element that repeats what is typed into the field with that id (data-most characters of it), or
//                      with data-count how many characters that is
//   data-picks         a select: of the elements with data-picked only the one with its value is shown
//   data-instead=FIELD a box to tick instead of filling the field with that id: each takes the other away
//   data-key=KEY       a link or button that a single key presses; data-command=TITLE also lists it in the palette
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
// What fits in a piece of a page that has just come, the piece itself among it.
const within = (selector, root) => [...(root.matches?.(selector) ? [root] : []), ...all(selector, root)];

// A form that acts is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of all("button[type=submit]", form)) button.setAttribute("aria-busy", "true");
});

// The second click of two belongs to the first one: it must not press what has come to lie under the pointer since, such
// as "Undo" on the page that the first one led to.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("button[type=submit]")) event.preventDefault();
}, true);

// A page that comes back from the browser's memory may be sent again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of all("[data-once]")) delete form.dataset.sent;
  for (const button of all("[aria-busy]")) button.removeAttribute("aria-busy");
});

// What is done to every piece of a page when it comes, and before it goes.
const preparers = [];
const prepare = (root) => preparers.forEach((each) => each(root));

const said = () => $("#said")?.dataset ?? {};

// Copy buttons.
preparers.push((root) => {
  if (!navigator.clipboard) return;
  for (const button of within("[data-copy]", root)) button.hidden = false;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return alarm(said().noCopying);
  }
  button.classList.add("done");
  toast(said().copied);
  setTimeout(() => button.classList.remove("done"), 1500);
});

// Light, dark or as the system: at once, without loading the page again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const theme = event.submitter?.value;
  if (!form.matches("[data-themes]") || !theme) return;
  event.preventDefault();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of all("button", form)) button.setAttribute("aria-pressed", String(button.value === theme));
  fetch(form.action, { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual" }).catch(() => alarm(said().lost));
});

function announce(text) {
  const announcer = $("#announcer");
  if (announcer) announcer.textContent = text;
}

// What was just done is said once: not again on reload, and not for ever.
function toast(text) {
  for (const old of all("[data-toast]")) old.remove();
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  toast.dataset.toast = "";
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  document.body.append(toast);
  prepare(document.body);
}

preparers.push((root) => {
  for (const toast of within("[data-toast]:not([data-seen])", root)) {
    toast.dataset.seen = "";
    // Not under somebody's pointer: it may hold "Undo".
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
    setTimeout(leave, 8000);
  }
});

function forgetDone() {
  const address = new URL(location.href);
  if (!address.searchParams.has("done")) return;
  address.searchParams.delete("done");
  history.replaceState(history.state, "", address);
}

// What went wrong stays until somebody closes it.
function alarm(text, link) {
  const alarms = $("#alarms");
  if (!alarms) return;
  const before = document.activeElement;
  const box = document.createElement("div");
  box.className = "alert bad";
  const close = Object.assign(document.createElement("button"), { type: "button", className: "link-button", textContent: said().close });
  close.addEventListener("click", () => {
    box.remove();
    if (before?.isConnected) before.focus();
  });
  const words = Object.assign(document.createElement("p"), { textContent: text });
  if (link) words.append(" ", Object.assign(document.createElement("a"), { href: link.href, textContent: link.text, target: "_blank" }));
  box.append(words, close);
  alarms.replaceChildren(box);
}

// Typed and not saved: ask before it is lost.
const typed = new Set();
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (form) typed.add(form);
});
document.addEventListener("submit", (event) => typed.delete(event.target));
// A form that came back with what was typed: refused, or with one more field.
preparers.push((root) => all("form[data-guard][data-unsaved]", root).forEach((form) => typed.add(form)));
addEventListener("beforeunload", (event) => {
  if ([...typed].some((form) => form.isConnected)) event.preventDefault();
});
const mayLeave = (root) => {
  const lost = [...typed].filter((form) => root.contains(form));
  if (lost.length && !confirm(said().notSaved)) return false;
  for (const form of lost) typed.delete(form);
  return true;
};
