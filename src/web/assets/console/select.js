// What is selected in the list: remembered over pages and orders, forgotten with another filter.
const SELECTION = "selection";

const selection = (() => {
  const nothing = (filter) => ({ filter, cards: [], everything: false });
  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(SELECTION)) ?? nothing("");
    } catch {
      return nothing("");
    }
  };
  return {
    // Another filter ends a selection: it does not come back with the old one.
    of: (filter) => {
      const now = kept();
      if (now.filter === filter) return now;
      sessionStorage.removeItem(SELECTION);
      return nothing(filter);
    },
    keep: (now) => sessionStorage.setItem(SELECTION, JSON.stringify(now)),
    forget: () => sessionStorage.removeItem(SELECTION),
  };
})();

let offering = null;
let asked = "";

function drawSelection() {
  const bar = $("#act");
  const list = $("#list");
  if (!bar || !list) return;
  const now = selection.of(list.dataset.filter);
  const chosen = new Set(now.cards);
  const ticks = all("[data-tick]");
  for (const tick of ticks) {
    tick.checked = now.everything || chosen.has(tick.value);
    tick.disabled = now.everything;
  }
  const head = $("[data-tick-all]");
  if (head) {
    const ticked = ticks.filter((tick) => tick.checked).length;
    head.hidden = false;
    head.checked = ticks.length > 0 && ticked === ticks.length;
    head.indeterminate = ticked > 0 && ticked < ticks.length;
  }
  const everything = $("[data-everything]", bar);
  everything.checked = now.everything;
  const onPage = new Set(ticks.map((tick) => tick.value));
  $("[data-elsewhere]", bar).value = now.everything ? "" : now.cards.filter((card) => !onPage.has(card)).join(".");
  const said = $("[data-selected]", bar);
  const count = now.everything ? everything.dataset.everything : String(chosen.size);
  const text = said.dataset.selected.replace("%n", count);
  if (said.textContent !== text) said.textContent = text;
  const isEmpty = !now.everything && chosen.size === 0;
  bar.hidden = isEmpty;
  bar.dataset.ready = "";
  $("[data-clear-selection]", bar).hidden = isEmpty;
  if (!isEmpty) askForOffers(bar);
}

// Which actions apply is asked once for each selection, when it has come to rest.
function askForOffers(bar) {
  const body = new URLSearchParams(new FormData(bar));
  if (body.toString() === asked && bar.dataset.offered) return;
  asked = body.toString();
  clearTimeout(offering);
  offering = setTimeout(async () => {
    const answer = await fetch(bar.dataset.offers, { method: "POST", body }).catch(() => null);
    if (body.toString() !== asked || !bar.isConnected) return;
    bar.dataset.offered = "yes";
    if (!answer?.ok) return;
    const content = document.createElement("template");
    content.innerHTML = await answer.text();
    replace($("#offers", bar), content.content);
  }, 150);
}

document.addEventListener("change", (event) => {
  const list = $("#list");
  const at = event.target;
  if (!list || !at.matches("[data-tick], [data-tick-all], [data-everything]")) return;
  const now = selection.of(list.dataset.filter);
  const chosen = new Set(now.cards);
  const set = (tick, isOn) => (isOn ? chosen.add(tick.value) : chosen.delete(tick.value));
  if (at.matches("[data-everything]")) now.everything = at.checked;
  else if (at.matches("[data-tick-all]")) for (const tick of all("[data-tick]")) set(tick, at.checked);
  else set(at, at.checked);
  if (at.matches("[data-tick-all]") && !at.checked) now.everything = false;
  now.cards = [...chosen].slice(0, 5000);
  selection.keep(now);
  drawSelection();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-clear-selection]")) return;
  selection.forget();
  drawSelection();
});

// What was acted on is done with.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-ends-selection]")) selection.forget();
});

preparers.push((root) => {
  if (root === document || root.id === "list" || root.matches?.("[data-row]") || $("#list", root)) queueMicrotask(drawSelection);
});

// A form in which one choice decides what else is asked.
function drawChoice(form) {
  const chosen = $("[data-comparison]", form)?.value;
  for (const part of all("[data-when]", form)) part.hidden = !part.dataset.when.split(" ").includes(chosen);
}
document.addEventListener("change", (event) => event.target.matches("[data-comparison]") && drawChoice(event.target.form));
preparers.push((root) => within("form:has([data-comparison])", root).forEach(drawChoice));
