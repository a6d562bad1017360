// Shows what the gateway pushes about one card, and opens the card when it is tapped. One registration a card: its scope
// is the card's own address, which no push needs to hold.
"use strict";

const card = () => self.registration.scope;
const ours = (url) => {
  const there = new URL(url ?? card(), card());
  return there.origin === self.location.origin ? there.href : card();
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let notice = {};
  try {
    notice = event.data?.json() ?? {};
  } catch {
    // Something must be shown for every push; what cannot be read says that there is something.
  }
  const { title = "Your card has changed", body = "", tag, url, alert = false } = notice;
  const shown = self.registration.showNotification(title, { body, tag, silent: !alert, data: { url } });
  const told = self.clients
    .matchAll({ type: "window" })
    .then((pages) => pages.filter((page) => page.url.startsWith(card())).forEach((page) => page.postMessage("changed")));
  event.waitUntil(Promise.all([shown, told]));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = ours(event.notification.data?.url);
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const open = pages.find((page) => page.url === target);
      return open ? open.focus() : self.clients.openWindow(target);
    }),
  );
});

// The push service has given this browser another endpoint, or none.
self.addEventListener("pushsubscriptionchange", (event) => {
  const renew = async () => {
    const at = `${card()}/web-push`;
    const old = event.oldSubscription;
    let fresh = event.newSubscription;
    if (!fresh) {
      const { key } = await (await fetch(at)).json();
      const applicationServerKey = Uint8Array.from(
        atob(key.replace(/-/g, "+").replace(/_/g, "/")),
        (letter) => letter.charCodeAt(0),
      );
      fresh = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    }
    const body = old ? { ...fresh.toJSON(), replaces: old.endpoint } : fresh.toJSON();
    await fetch(at, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  };
  event.waitUntil(renew());
});
