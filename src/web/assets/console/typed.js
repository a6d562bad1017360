// Forms that answer while they are filled in.

// What is typed, as it will look elsewhere, and how long it is.
document.addEventListener("input", (event) => {
  const { id, value } = event.target;
  if (!id) return;
  for (const shown of all(`[data-shows="${CSS.escape(id)}"]`)) {
    const letters = [...value.trim()];
    if (shown.dataset.count !== undefined) {
      shown.textContent = letters.length;
      continue;
    }
    const most = Number(shown.dataset.most ?? letters.length);
    const text = letters.slice(0, most).join("") + (letters.length > most ? "…" : "");
    shown.textContent = text || shown.dataset.otherwise;
  }
});

// Of several groups of fields, those of what was chosen.
const pick = (select) => {
  for (const group of all("[data-picked]", select.form)) group.hidden = group.dataset.picked !== select.value;
};
preparers.push((root) => within("select[data-picks]", root).forEach(pick));
document.addEventListener("change", (event) => event.target.matches("select[data-picks]") && pick(event.target));

// A box instead of a field: whoever fills the field unticks it, and whoever ticks it empties the field.
document.addEventListener("input", ({ target }) => {
  if (target.matches("input[data-instead]")) {
    const field = document.getElementById(target.dataset.instead);
    if (field && target.checked) field.value = "";
  } else if (target.id && target.value) {
    for (const box of all(`input[data-instead="${CSS.escape(target.id)}"]`)) box.checked = false;
  }
});
