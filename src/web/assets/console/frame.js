// Pages within the page: parts that are swapped, the panel beside a list, and forms as dialogs. Each is a page of its own
// at its own address; what is shown here is cut out of it.

const parser = new DOMParser();
const SESSION_ENDED = "the session ended";
const LEFT = "left the page";

// The page at an address. One that turns out to be a sign-in page, or none of ours, is loaded whole. What nobody has asked
// for fails without a word.
async function load(address, { isAsked = true, ...options } = {}) {
  let response;
  try {
    response = await fetch(address, { ...options, headers: { accept: "text/html", "x-part": "content", ...options.headers } });
  } catch (error) {
    if (isAsked && error.name !== "AbortError") alarm(said().lost);
    throw error;
  }
  const landed = new URL(response.url);
  const isPage = response.headers.get("content-type")?.startsWith("text/html");
  if (landed.pathname === "/console/sign-in" && options.method) {
    // What was typed stays where it is; after signing in beside it, the same button sends it.
    alarm(said().sessionEnded, { href: "/console/sign-in", text: said().signIn });
    throw new Error(SESSION_ENDED);
  }
  if (!isPage && !response.ok && (options.method || !isAsked)) {
    // Cut off on the way: what was typed stays, and so does a page that only looked whether something is new.
    if (isAsked) alarm(said().lost);
    throw new Error("no answer");
  }
  if (landed.pathname === "/console/sign-in" || !isPage) {
    location.assign(options.method ? location.href : address);
    throw new Error(LEFT);
  }
  const page = parser.parseFromString(await response.text(), "text/html");
  return { page, address: response.url, ok: response.ok, redirected: response.redirected };
}

// Swapping one part. The newest wish wins: an older answer that comes late is dropped. A page of an error takes the place
// of the whole page only when somebody asked for it; what is read again by itself is tried again.
const wishes = new Map();

async function swap(id, address, { isAsked = true } = {}) {
  wishes.get(id)?.abort();
  const wish = new AbortController();
  wishes.set(id, wish);
  const old = document.getElementById(id);
  old?.setAttribute("aria-busy", "true");
  try {
    const { page, ok } = await load(address, { signal: wish.signal, isAsked });
    if (!ok && !isAsked) return;
    const fresh = page.getElementById(id);
    if (!fresh) return location.assign(address);
    if (wishes.get(id) !== wish) return;
    const content = document.createDocumentFragment();
    content.append(document.adoptNode(fresh));
    replace(document.getElementById(id), content);
    document.title = page.title;
  } finally {
    if (wishes.get(id) === wish) document.getElementById(id)?.removeAttribute("aria-busy");
  }
}

async function go(id, address, { isTyped = false } = {}) {
  const panel = $("#panel");
  const isInPanel = panel?.contains(document.getElementById(id));
  // Beside a panel the address is the panel's; the list's own comes back when it is closed.
  if (panel && !panel.hidden && !isInPanel) listAddress = new URL(address, location.href).href;
  else history[isTyped ? "replaceState" : "pushState"](isInPanel ? { panel: true } : { swap: id }, "", address);
  await swap(id, address).catch(() => {});
}

// Reading a part again at its place: rows that were not there before are marked, and the focus goes to the first row.
async function renewAt(id, address) {
  const known = new Set(all("[data-row]", document.getElementById(id)).map((row) => row.id));
  await swap(id, address).catch(() => {});
  const rows = all("[data-row]", document.getElementById(id));
  for (const row of rows) row.classList.toggle("fresh", !known.has(row.id));
  const first = rows[0] && $("a", rows[0]);
  first?.focus({ preventScroll: true });
}

const isPlain = (event) => event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !isPlain(event) || link.target || link.origin !== location.origin) return;
  if (link.dataset.modal !== undefined) {
    event.preventDefault();
    return openModal(link.href, link);
  }
  if (link.dataset.renew) {
    event.preventDefault();
    return renewAt(link.dataset.renew, link.href);
  }
  if (link.dataset.swap) {
    event.preventDefault();
    return go(link.dataset.swap, link.href);
  }
  const inPanel = $("#panel")?.contains(link) && /^\/console\/(cards|customers)\//.test(link.pathname);
  if ((link.dataset.panel !== undefined && isWide()) || (inPanel && link.dataset.whole === undefined)) {
    event.preventDefault();
    return openPanel(link.href, link);
  }
});

const query = (form, submitter) => {
  const address = new URL(form.action, location.href);
  const fields = [...new FormData(form, submitter)].filter(([, value]) => value !== "");
  address.search = new URLSearchParams(fields).toString();
  return address.href;
};

let typing = null;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-swap][data-typed]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => go(form.dataset.swap, query(form), { isTyped: true }), 120);
});

// Who types before the script has come is not left behind.
function catchUp() {
  for (const form of all("form[data-swap][data-typed]")) {
    const isTyped = [...form.elements].some(({ type, value, defaultValue }) => type !== "hidden" && defaultValue !== undefined && value !== defaultValue);
    if (isTyped) go(form.dataset.swap, query(form), { isTyped: true });
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.swap && form.method === "get") {
    event.preventDefault();
    clearTimeout(typing);
    return go(form.dataset.swap, query(form, event.submitter));
  }
  const holder = form.closest("#modal, #panel") ?? (form.matches("[data-guard][method=post]") ? $("#content") : null);
  if (!holder || form.dataset.whole !== undefined || form.enctype === "multipart/form-data") return;
  event.preventDefault();
  await send(form, event.submitter, holder);
});

// A form in a dialog or in the panel: its answer is shown there, too. A refusal is the same page with its reason.
async function send(form, submitter, holder) {
  const isPost = form.method === "post";
  // A button without an address of its own says the page's here, not the form's.
  const own = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  const address = isPost ? own : query(form, submitter);
  const body = isPost ? new URLSearchParams(new FormData(form, submitter)) : undefined;
  try {
    const answer = await load(address, isPost ? { method: "POST", body } : {});
    // A page of an error is no page of ours: what was typed stays, with the reason above it.
    if (!answer.ok && $("#content .failure", answer.page)) return refuse(form, $("#content p", answer.page)?.textContent);
    // What was refused is typed and not saved still, in the form that comes back.
    if (!answer.ok) queueMicrotask(() => all("form[data-guard]", holder).forEach((again) => typed.add(again)));
    // What was done leads on; an answer that is a page by itself, such as a link that is shown once, is that page.
    if (holder.id === "content") return answer.ok && answer.redirected ? location.assign(answer.address) : renew(holder, answer.page);
    const stays = !answer.ok || $("#content [data-stay]", answer.page);
    if (holder.id === "modal" && stays) return fill(holder, answer.page);
    if (holder.id === "modal") {
      holder.close();
      if (!$("#panel")?.hidden && /^\/console\/(cards|customers)\//.test(new URL(answer.address).pathname)) {
        return showInPanel(answer);
      }
      return location.assign(answer.address);
    }
    showInPanel(answer);
  } catch (error) {
    release(form);
    if (error.message !== LEFT && form.matches("[data-guard]")) typed.add(form);
  }
}

const release = (form) => {
  delete form.dataset.sent;
  for (const button of all("[aria-busy]", form)) button.removeAttribute("aria-busy");
};

function refuse(form, text) {
  release(form);
  if (form.matches("[data-guard]")) typed.add(form);
  alarm(text);
}

// A whole page that was answered with: refused, with what was typed and the reason, or with what came of it.
function renew(holder, page) {
  holder.replaceChildren(...$("#content", page).childNodes);
  document.title = page.title;
  prepare(holder);
  const wrong = $("[aria-invalid]", holder) ?? $("[role=alert]", holder);
  // One more field, that was asked for.
  const next = $("[autofocus]", holder);
  if (!wrong && next) return next.focus();
  (wrong ?? holder).focus();
  scrollTo(0, 0);
}

// Dialogs.
async function openModal(address, opener) {
  const { page } = await load(address).catch(() => ({}));
  const modal = $("#modal");
  if (!page || !modal) return;
  fill(modal, page);
  if (!modal.open) modal.showModal();
  modal.addEventListener("close", () => giveBack(opener), { once: true });
}

// The focus goes back to what opened a dialog, or to what has taken its place since.
function giveBack(opener, how = {}) {
  const address = opener?.getAttribute("href");
  const now = opener?.isConnected ? opener : address && $(`#content [href="${CSS.escape(address)}"]`);
  now?.focus(how);
}

function fill(modal, page) {
  const content = $("#content", page);
  for (const crumbs of all(".crumbs", content)) crumbs.remove();
  modal.replaceChildren(...content.childNodes);
  const title = $("h1, h2", modal);
  if (title) {
    title.id ||= "modal-title";
    modal.setAttribute("aria-labelledby", title.id);
  }
  modal.setAttribute("role", $("[data-alarming]", modal) ? "alertdialog" : "dialog");
  prepare(modal);
  ($("[aria-invalid]", modal) ?? $("[autofocus]", modal) ?? $("input:not([type=hidden]), textarea, select, button", modal))?.focus();
}

document.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (!closer) return;
  const dialog = closer.closest("dialog");
  if (dialog) {
    event.preventDefault();
    if (mayLeave(dialog)) dialog.close();
  } else if (closer.closest("#panel")) {
    event.preventDefault();
    closePanel();
  }
});
document.addEventListener("cancel", (event) => {
  if (!mayLeave(event.target)) event.preventDefault();
}, true);

// The panel beside a list. The list stays as it is; Back closes the panel.
const isWide = () => matchMedia("(min-width: 68rem)").matches;
let panelOpener = null;
let panelAddress = null;
let listAddress = location.href;

async function openPanel(address, opener) {
  if (!mayLeave($("#panel"))) return;
  if (opener && !$("#panel").contains(opener)) panelOpener = opener;
  const answer = await load(address).catch(() => null);
  if (answer) showInPanel(answer, { push: true });
}

function showInPanel({ page, address }, { push = false } = {}) {
  const panel = $("#panel");
  const isFirst = panel.hidden;
  if (isFirst) listAddress = location.href;
  if (push) history.pushState({ panel: true }, "", address);
  else history.replaceState({ panel: true }, "", address);
  const content = $("#content", page);
  if (!content) return location.assign(address);
  panel.replaceChildren(...content.childNodes);
  panel.hidden = false;
  panelAddress = address;
  document.documentElement.classList.add("with-panel");
  document.title = page.title;
  const title = $("h1", panel);
  if (title) panel.setAttribute("aria-label", title.textContent);
  for (const old of all("body > [data-toast]")) old.remove();
  for (const toast of all("[data-toast]", panel)) document.body.append(toast);
  prepare(panel);
  prepare(document.body);
  forgetDone();
  panel.scrollTop = 0;
  if (isFirst) panel.focus({ preventScroll: true });
  markRow(document);
}

const isRowOf = (row, address) => $("a[data-panel]", row)?.pathname === new URL(address).pathname.split("/").slice(0, 4).join("/");

// The row of what the panel shows is marked, also when the row is drawn anew: from there the keys go on.
function markRow(root) {
  if ($("#panel")?.hidden !== false) return;
  for (const row of within("[data-row]", root)) row.toggleAttribute("data-open", isRowOf(row, panelAddress));
}
preparers.push(markRow);

function hidePanel() {
  const panel = $("#panel");
  if (!panel || panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  document.documentElement.classList.remove("with-panel");
  for (const row of all("[data-open]")) row.removeAttribute("data-open");
  prepare(document);
  giveBack(panelOpener, { preventScroll: true });
}

function closePanel() {
  if ($("#panel").hidden || !mayLeave($("#panel"))) return;
  history.pushState(null, "", listAddress);
  hidePanel();
}

addEventListener("popstate", (event) => {
  const panel = $("#panel");
  const state = event.state;
  if (state?.panel) {
    return load(location.href).then((answer) => showInPanel(answer)).catch(() => {});
  }
  const wasOpen = panel && !panel.hidden;
  hidePanel();
  if (wasOpen && location.href === listAddress) return;
  if (state?.swap && document.getElementById(state.swap)) return swap(state.swap, location.href).catch(() => {});
  if (all("[data-swap]").length) {
    const id = $("[data-swap]").dataset.swap;
    return swap(id, location.href).catch(() => {});
  }
  location.reload();
});
