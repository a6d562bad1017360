// The card's page in headless Chromium. The Rust test `notices::browser` starts the gateway and sets the environment.
//
// Chromium's push service is on the Internet. Subscriptions of a stand-in take its place, and what the stand-in's browser
// was shown goes to the page's worker through the debugger, as a push would.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch } from "./browser.mjs";
import { check } from "./examine.mjs";

const { CARD_URL, OTHER_CARD_URL, CONTROL_URL } = process.env;
const { origin } = new URL(CARD_URL);

let browser;
let contexts = [];
let complaints = [];

before(async () => (browser = await launch()));
after(() => browser.close());
afterEach(async () => {
  for (const context of contexts) await context.close();
  contexts = [];
  const found = complaints;
  complaints = [];
  assert.deepEqual(found, [], "nothing is refused by the policy and no script fails");
});

async function open(options = {}, permissions = ["notifications"]) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  contexts.push(context);
  if (permissions.length) await context.grantPermissions(permissions, { origin });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  // By the control server and not by the page: its policy lets it talk to the gateway alone.
  await page.exposeFunction("standInSubscribes", async (key) =>
    (await fetch(`${CONTROL_URL}/subscribe`, { method: "POST", body: key })).json());
  await page.addInitScript(() => {
    const base64url = (bytes) =>
      btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
    const subscription = (json) => ({
      endpoint: json.endpoint,
      toJSON: () => json,
      unsubscribe: async () => localStorage.removeItem("subscription"),
    });
    const stored = () => JSON.parse(localStorage.getItem("subscription"));
    PushManager.prototype.getSubscription = async () => stored() && subscription(stored());
    PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
      if (!userVisibleOnly) throw new Error("Chromium demands userVisibleOnly");
      const json = await window.standInSubscribes(base64url(applicationServerKey));
      localStorage.setItem("subscription", JSON.stringify(json));
      return subscription(json);
    };
  });
  return page;
}

const listening = async () => (await (await fetch(`${CONTROL_URL}/listening`)).json()).count;
const on = (page) => page.getByRole("button", { name: "Tell me when my card changes" });
const off = (page) => page.getByRole("button", { name: "Do not tell me any more" });

// The worker's registration as the debugger knows it.
async function debugged(page) {
  const session = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) => {
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const ours = registrations.find(({ scopeURL, isDeleted }) => CARD_URL === scopeURL && !isDeleted);
      if (ours) resolve(ours.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  const registrationId = await registered;
  return (data) => session.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data });
}

const notifications = (page) =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, silent, tag }) => ({ title, body, silent, tag }));
  });

describe("a card's page", () => {
  test("subscribes, is shown a punch, and unsubscribes", async () => {
    const page = await open();
    await page.goto(CARD_URL);
    await on(page).click();
    await page.getByText("You will be told when your card changes.").waitFor();
    assert.equal(await listening(), 1);

    await fetch(`${CONTROL_URL}/punch`, { method: "POST" });
    const notice = await (await fetch(`${CONTROL_URL}/shown`)).text();
    const deliver = await debugged(page);
    const reloaded = page.waitForEvent("load");
    await deliver(notice);
    await reloaded;
    // The page that was open shows the new state by itself.
    assert.match(await page.locator(".balance").innerText(), /1 of 10/);
    const [shown] = await notifications(page);
    assert.match(shown.body, /^1 of 10/);
    assert.match(shown.title, /Coffee card/);
    assert.deepEqual([shown.silent, shown.tag], [true, JSON.parse(notice).tag]);

    // A newer one takes its place.
    await deliver(JSON.stringify({ ...JSON.parse(notice), body: "2 of 10" }));
    await page.waitForEvent("load");
    const now = await notifications(page);
    assert.deepEqual(now.map(({ body }) => body), ["2 of 10"]);

    await off(page).click();
    await page.getByText("You will no longer be told.").waitFor();
    assert.equal(await listening(), 0);
    assert.equal(await on(page).isVisible(), true);
  });

  test("still says that it listens when it is opened again", async () => {
    const page = await open();
    await page.goto(CARD_URL);
    await on(page).click();
    await off(page).waitFor();
    await page.reload();
    await off(page).waitFor();
    assert.equal(await on(page).isVisible(), false);
    assert.equal(await listening(), 1);
    await off(page).click();
    await on(page).waitFor();
  });

  test("a push that cannot be read is shown all the same", async () => {
    const page = await open();
    await page.goto(CARD_URL);
    await on(page).click();
    await off(page).waitFor();
    const deliver = await debugged(page);
    const reloaded = page.waitForEvent("load");
    await deliver("no JSON");
    await reloaded;
    const [shown] = await notifications(page);
    assert.equal(shown.title, "Your card has changed");
    await off(page).click();
    await on(page).waitFor();
  });

  test("no more means no more, also while the page still tells that it listens", async () => {
    const page = await open();
    await page.goto(CARD_URL);
    await on(page).click();
    await off(page).waitFor();
    let release;
    const pressed = new Promise((resolve) => (release = resolve));
    await page.route("**/web-push", async (route) => {
      if (route.request().method() === "POST") await pressed;
      await route.continue();
    });
    const told = page.waitForResponse((answer) => answer.request().method() === "POST");
    await page.reload();
    await off(page).click();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    release();
    await told;
    await page.getByText("You will no longer be told.").waitFor();
    assert.equal(await listening(), 0);
  });

  test("says so where notifications are forbidden", async () => {
    const page = await open({}, []);
    await page.addInitScript(() => (Notification.requestPermission = async () => "denied"));
    await page.goto(CARD_URL);
    await on(page).click();
    await page.getByText("Your browser does not let this page notify you.").waitFor();
    assert.equal(await listening(), 0);
  });

  test("works without scripts", async () => {
    const page = await open({ javaScriptEnabled: false });
    await page.goto(OTHER_CARD_URL);
    await page.getByRole("heading", { name: "Coffee card" }).waitFor();
    assert.equal(await on(page).count(), 0);
  });

  test("stands whatever every page must stand", async () => {
    const page = await open({ colorScheme: "light", reducedMotion: "reduce", viewport: { width: 1280, height: 900 } });
    await page.goto(CARD_URL);
    await on(page).waitFor();
    await check(page, "the card's page");
  });
});
