// Keys: single ones outside of fields (and only where they are not switched off), and the palette.

const SINGLE_KEYS = "single-keys";
const usesSingleKeys = () => localStorage.getItem(SINGLE_KEYS) !== "off";
const isTyping = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openPalette();
  }
  if (event.key === "Escape") return escape(event);
  // From the search into what it found.
  if (event.key === "ArrowDown" && event.target.matches?.("[data-find]") && step(1)) return event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !usesSingleKeys()) return;
  if ($("dialog[open]")) return;
  const act = single[event.key];
  const target = $(`#panel:not([hidden]) [data-key="${CSS.escape(event.key)}"]`) ?? $(`main [data-key="${CSS.escape(event.key)}"]`);
  if (act?.(event) || (target && !target.disabled && press(target))) event.preventDefault();
});

const press = (target) => {
  if (target.matches("input, textarea")) target.focus();
  else target.click();
  return true;
};

const rows = () => all("[data-row]");
const rowAt = () => document.activeElement?.closest?.("[data-row]") ?? $("[data-row][data-open]");

function step(by) {
  const list = rows();
  if (!list.length) return false;
  const at = list.indexOf(rowAt());
  const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
  const link = $("a", next);
  link?.focus();
  next.scrollIntoView({ block: "nearest" });
  // With the panel open, it follows.
  if (link && !$("#panel").hidden && link.dataset.panel !== undefined && at !== list.indexOf(next)) openPanel(link.href, link);
  return true;
}

const single = {
  "/": () => {
    const find = $("main [data-find]");
    if (find) {
      find.focus();
      find.select();
    }
    return Boolean(find);
  },
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => rowAt() && step(1),
  ArrowUp: () => rowAt() && step(-1),
  x: () => {
    const box = $("input[type=checkbox]", rowAt() ?? document.createElement("i"));
    box?.click();
    return Boolean(box);
  },
  "?": () => {
    openTemplate("help");
    const box = $("#modal [data-single-keys]");
    box.checked = usesSingleKeys();
    box.addEventListener("change", () => localStorage.setItem(SINGLE_KEYS, box.checked ? "on" : "off"));
    return true;
  },
};

// Esc closes what is open, innermost first; then it clears the search.
function escape(event) {
  if ($("dialog[open]") || $("[popover]:popover-open")) return;
  const find = event.target.closest?.("[data-find]");
  if (find?.value) {
    find.value = "";
    find.dispatchEvent(new Event("input", { bubbles: true }));
    return;
  }
  if (find) return find.blur();
  if (!$("#panel").hidden) return closePanel();
  $("[data-clear]")?.click();
}

function openTemplate(id) {
  const modal = $("#modal");
  modal.replaceChildren(document.getElementById(id).content.cloneNode(true));
  modal.setAttribute("role", "dialog");
  const title = $("h2", modal);
  if (title) {
    title.id = "modal-title";
    modal.setAttribute("aria-labelledby", title.id);
  } else {
    modal.removeAttribute("aria-labelledby");
  }
  if (!modal.open) modal.showModal();
  return modal;
}

// The palette: pages, what this page can do, and customers.
function openPalette() {
  const opener = document.activeElement;
  const commands = [
    ...all("header nav a").map((link) => ({ title: link.textContent.trim(), run: () => location.assign(link.href) })),
    ...all("[data-command]").map((each) => ({ title: each.dataset.command, run: () => each.click() })),
  ];
  const modal = openTemplate("palette");
  modal.classList.add("palette");
  modal.setAttribute("aria-label", $("label", modal).textContent);
  const field = $("input", modal);
  const list = $("ul", modal);
  let shown = [];
  let at = 0;
  let asked = 0;

  const draw = () => {
    list.replaceChildren(...shown.map(({ title, detail }, index) => {
      const item = Object.assign(document.createElement("li"), { id: `palette-${index}` });
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(index === at));
      item.append(Object.assign(document.createElement("span"), { textContent: title }));
      if (detail) item.append(Object.assign(document.createElement("small"), { textContent: detail }));
      item.addEventListener("click", () => run(index));
      return item;
    }));
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
    $("p", modal).hidden = shown.length > 0;
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const run = (index) => {
    const chosen = shown[index];
    if (!chosen) return;
    modal.close();
    chosen.run();
  };
  const find = async () => {
    const text = field.value.trim();
    const folded = text.toLowerCase();
    const mine = ++asked;
    at = 0;
    shown = commands.filter(({ title }) => title.toLowerCase().includes(folded));
    draw();
    if (text.length < 2) return;
    const answer = await fetch(`/console/find?q=${encodeURIComponent(text)}`, { headers: { accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const { customers } = await answer.json();
    shown = [...shown, ...customers.map(({ name, detail, address }) => ({ title: name, detail, run: () => location.assign(address) }))];
    draw();
  };
  field.addEventListener("input", find);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      at = Math.min(Math.max(at + by, 0), shown.length - 1);
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(at);
    }
  });
  modal.addEventListener("close", () => {
    modal.classList.remove("palette");
    modal.removeAttribute("aria-label");
    opener?.isConnected && opener.focus?.();
  }, { once: true });
  find();
  field.focus();
}
