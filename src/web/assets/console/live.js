// Live pages. Parts that are told to have moved are read again, one reading at a time.
const readings = new Map();

async function readAgain(id) {
  // What no longer asks to be read again has ended.
  if (document.getElementById(id)?.matches(":not([data-poll], #all-work)")) return;
  const isBusy = readings.has(id);
  readings.set(id, isBusy);
  if (isBusy) return;
  do {
    readings.set(id, false);
    if (!document.getElementById(id)) break;
    await swap(id, location.href, { isAsked: false }).catch(() => {});
  } while (readings.get(id));
  readings.delete(id);
}

// A message holds templates that say where their content goes.
function take(html) {
  const message = document.createElement("template");
  message.innerHTML = html;
  for (const part of all("template", message.content)) {
    const { swap, prepend, renew } = part.dataset;
    if (swap) replace(document.getElementById(swap), part.content);
    if (renew) readAgain(renew);
    if (prepend) put(document.getElementById(prepend), part.content);
    if ("announce" in part.dataset) announce(part.content.textContent);
  }
}

function replace(old, content) {
  const fresh = content.firstElementChild;
  if (!old || !fresh) return;
  const open = all("[popover]", old).filter((popover) => popover.matches(":popover-open"));
  const unfolded = all("details[id][open]", old).map((details) => details.id);
  const focused = old.contains(document.activeElement) ? path(old, document.activeElement) : null;
  old.replaceWith(fresh);
  prepare(fresh);
  for (const popover of open) document.getElementById(popover.id)?.showPopover();
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
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

// One stream for each live element; it ends when the element goes, and rests while nobody looks.
const streams = new Map();

function connect(element) {
  if (streams.has(element) || !window.EventSource) return;
  const live = { stream: null, last: null };
  streams.set(element, live);

  const say = (isLive) => {
    const state = $("[data-live-state]", element);
    if (!state) return;
    state.hidden = false;
    state.classList.toggle("lost", !isLive);
    state.lastElementChild.textContent = isLive ? said().isLive : said().reconnecting;
  };

  live.open = () => {
    if (live.stream || document.hidden) return;
    if (!element.isConnected) return streams.delete(element);
    const address = new URL(element.dataset.live ?? element.dataset.liveAlone, location.href);
    if (live.last) address.searchParams.set("since", live.last);
    const stream = new EventSource(address);
    live.stream = stream;
    stream.addEventListener("hello", () => say(true));
    stream.addEventListener("work", (event) => element.isConnected && take(event.data));
    stream.addEventListener("change", (event) => {
      if (!element.isConnected) return live.close();
      live.last = event.lastEventId;
      take(event.data);
      element.dispatchEvent(new CustomEvent("live", { bubbles: true, detail: event.data }));
    });
    stream.addEventListener("error", () => {
      if (!element.isConnected) return live.close();
      say(false);
      // Refused for good: the session ended. Loading the page again leads to the sign-in page.
      if (stream.readyState === EventSource.CLOSED) {
        live.close();
        setTimeout(live.open, 5000);
      }
    });
  };

  live.close = () => {
    live.stream?.close();
    live.stream = null;
  };

  live.open();
}

preparers.push((root) => {
  for (const [element, live] of streams) {
    if (element.isConnected) continue;
    live.close();
    streams.delete(element);
  }
  for (const element of within("[data-live]", root)) connect(element);
  // One stream for each page: that of the frame is for pages that have none.
  const alone = $("[data-live-alone]");
  if (!alone) return;
  if (!$("[data-live]")) connect(alone);
  else if (streams.has(alone)) {
    streams.get(alone).close();
    streams.delete(alone);
  }
});

const isStreaming = (part) => streams.get(part.closest("[data-live]"))?.stream?.readyState === 1;

// A page that nobody sees holds no connection; coming back, it asks for what it missed.
const each = (step) => () => [...streams.values()].forEach((live) => live[step]());
document.addEventListener("visibilitychange", () => each(document.hidden ? "close" : "open")());
addEventListener("pagehide", each("close"));
addEventListener("pageshow", each("open"));

// Parts that are read again every so often, while they have no stream; what has come in a part's place begins anew. A part
// that no longer asks for it is left alone.
preparers.push((root) => {
  for (const part of within("[data-poll]:not([data-polled])", root)) {
    part.dataset.polled = "";
    setTimeout(async () => {
      if (!part.isConnected) return;
      if (!document.hidden && !isStreaming(part)) await swap(part.id, location.href, { isAsked: false }).catch(() => {});
      if (part.isConnected) {
        delete part.dataset.polled;
        prepare(part.parentElement);
      }
    }, Number(part.dataset.poll) * 1000);
  }
});
