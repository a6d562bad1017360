// The card's own page: lets its holder hear of changes through Web Push, and stop hearing of them. Without this script
// the page shows and adds the card all the same.
"use strict";
(() => {
  const box = document.getElementById("notify");
  if (!box) return;
  const { at, key, worker, home, forbidden, told, quiet, failed } = box.dataset;
  const [on, off, said] = ["notify-on", "notify-off", "notify-said"].map((id) => document.getElementById(id));

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const say = (text) => {
    said.textContent = text;
    said.hidden = !text;
  };
  const show = (listening) => {
    box.hidden = false;
    on.hidden = listening;
    off.hidden = !listening;
  };
  const call = async (method, body) => {
    const answer = await fetch(`${at}/web-push`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status}`);
  };
  const isFor = (subscription) => {
    const given = subscription.options?.applicationServerKey;
    if (!given) return true;
    const [ours, theirs] = [bytes(key), new Uint8Array(given)];
    return ours.length === theirs.length && ours.every((byte, place) => byte === theirs[place]);
  };

  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    // Apple's phones offer this only to pages on the home screen.
    if ("standalone" in navigator && !navigator.standalone) {
      box.hidden = false;
      say(home);
    }
    return;
  }

  const subscribe = async () => {
    await navigator.serviceWorker.register(worker, { scope: at });
    const { pushManager } = await navigator.serviceWorker.ready;
    let old = await pushManager.getSubscription();
    if (old && isFor(old)) return call("POST", old.toJSON());
    // Made for a key that we no longer have: nothing will ever come of it.
    if (old) await old.unsubscribe();
    const fresh = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    return call("POST", old ? { ...fresh.toJSON(), replaces: old.endpoint } : fresh.toJSON());
  };

  on.addEventListener("click", async () => {
    on.disabled = true;
    say("");
    try {
      if ((await Notification.requestPermission()) !== "granted") {
        say(forbidden);
        return;
      }
      await subscribe();
      show(true);
      say(told);
    } catch {
      say(failed);
    } finally {
      on.disabled = false;
    }
  });

  off.addEventListener("click", async () => {
    off.disabled = true;
    try {
      await opened;
      const registration = await navigator.serviceWorker.getRegistration(at);
      const subscription = await registration?.pushManager.getSubscription();
      if (subscription) {
        await call("DELETE", { endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      show(false);
      say(quiet);
    } catch {
      say(failed);
    } finally {
      off.disabled = false;
    }
  });

  // The worker says that the card has changed: what is shown is old.
  navigator.serviceWorker.addEventListener("message", (event) => {
    if (event.data === "changed") location.reload();
  });

  // "No more" waits for it: what this tells the gateway must not arrive after that.
  const opened = (async () => {
    const registration = await navigator.serviceWorker.getRegistration(at);
    const subscription = await registration?.pushManager.getSubscription();
    show(Boolean(subscription));
    // The gateway hears that this browser listens still; and of the new key, if it has one.
    if (subscription && Notification.permission === "granted") await subscribe();
  })().catch(() => show(false));
})();
