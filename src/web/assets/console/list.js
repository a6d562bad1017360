// The list of customers: its search says what the list says, and changes of the list are read out.
let listSaid = null;

preparers.push((root) => {
  const list = root.id === "list" ? root : $("#list", root);
  if (!list) return;
  const find = $("#find-text");
  if (find && find !== document.activeElement) find.value = list.dataset.text ?? "";
  const { said: now } = list.dataset;
  if (listSaid !== null && now && now !== listSaid) announce(now);
  listSaid = now ?? null;
});
