// The console's one script. Every page works without it; it keeps pages live and takes small steps away.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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

// Copy buttons.
function prepare(root) {
  if (!navigator.clipboard) return;
  for (const button of all("[data-copy]", root)) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return announce("Copying is not allowed here.");
  }
  button.classList.add("done");
  announce("Copied.");
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
  fetch(form.action, { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual" });
});

function announce(text) {
  const announcer = $("#announcer");
  if (announcer) announcer.textContent = text;
}

// What was just done is said once: not again on reload, and not for ever.
const toast = $("[data-toast]");
if (toast) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
  setTimeout(() => toast.matches(":hover, :focus-within") || toast.remove(), 8000);
}

// Live pages. A message holds templates that say where their content goes.
function take(html) {
  const message = document.createElement("template");
  message.innerHTML = html;
  for (const part of all("template", message.content)) {
    const { swap, prepend } = part.dataset;
    if (swap) replace(document.getElementById(swap), part.content);
    if (prepend) put(document.getElementById(prepend), part.content);
    if ("announce" in part.dataset) announce(part.content.textContent);
  }
}

function replace(old, content) {
  const fresh = content.firstElementChild;
  if (!old || !fresh) return;
  const open = all("[popover]", old).filter((popover) => popover.matches(":popover-open"));
  const focused = old.contains(document.activeElement) ? path(old, document.activeElement) : null;
  prepare(fresh);
  old.replaceWith(fresh);
  for (const popover of open) document.getElementById(popover.id)?.showPopover();
  if (focused) follow(fresh, focused)?.focus();
}

// Where the focus was, so that a change elsewhere does not take it away.
function path(root, element) {
  const steps = [];
  for (let at = element; at !== root; at = at.parentElement) steps.unshift([...at.parentElement.children].indexOf(at));
  return steps;
}

function follow(root, steps) {
  return steps.reduce((at, step) => at?.children[step], root);
}

function put(list, content) {
  if (!list) return;
  for (const item of [...content.children]) {
    if (item.id && document.getElementById(item.id)) item.remove();
    else item.classList.add("fresh");
  }
  list.prepend(content);
}

const page = $("[data-live]");
if (page && window.EventSource) {
  const state = $("[data-live-state]");
  let stream = null;
  let last = null;

  const say = (live) => {
    state.hidden = false;
    state.classList.toggle("lost", !live);
    state.lastElementChild.textContent = live ? "Live" : "Reconnecting…";
  };

  const open = () => {
    if (stream) return;
    const address = new URL(page.dataset.live, location.href);
    if (last) address.searchParams.set("since", last);
    stream = new EventSource(address);
    stream.addEventListener("hello", () => say(true));
    stream.addEventListener("change", (event) => {
      last = event.lastEventId;
      take(event.data);
    });
    stream.addEventListener("error", () => {
      say(false);
      // Refused for good: the session ended. Loading the page again leads to the sign-in page.
      if (stream?.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 5000);
      }
    });
  };

  const close = () => {
    stream?.close();
    stream = null;
  };

  // A page that nobody sees holds no connection; coming back, it asks for what it missed.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

prepare(document);
