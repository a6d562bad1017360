// The console in headless Chromium. The Rust test `console::browser` starts the gateway and sets the environment.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import axe from "axe-core";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, CONTROL_URL, OWNER, VIEWER, PASSWORD, CARD } = process.env;
const cardPath = `/console/cards/${CARD}`;
const themes = ["light", "dark"];

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

async function open(options = {}) {
  const context = await browser.newContext({ baseURL: BASE_URL, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(60_000);
  contexts.push(context);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // An answer that is an error on purpose is reported as a failed resource; a broken policy never is.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  return page;
}

// A page of the list, opened by a member whose session was made once for all tests.
const sessions = {};
async function member(options, email = OWNER) {
  if (!sessions[email]) {
    const page = await open();
    await signIn(page, email, PASSWORD);
    sessions[email] = await page.context().storageState();
  }
  const page = await open({ ...options, storageState: sessions[email] });
  await page.goto("/console/cards");
  return page;
}

const happen = (number) => fetch(`${CONTROL_URL}/happen/${number}`, { method: "POST" });
const punches = async (page) => Number((await page.locator("#facts .figure-value").first().innerText()).split(" ")[0]);

describe("signing in", () => {
  test("a wrong password keeps the email and says why", async () => {
    const page = await open();
    await page.goto("/console/sign-in");
    await page.getByLabel("Email").fill("anna@morgenrot.example");
    await page.getByLabel("Password").fill("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /Email or password is not right/);
    assert.equal(await page.getByLabel("Email").inputValue(), "anna@morgenrot.example");
    assert.equal(await page.getByLabel("Password").evaluate((input) => input === document.activeElement), true);
  });

  test("the right one leads to the page that was asked for, and signing out ends it", async () => {
    const page = await open();
    await page.goto(cardPath);
    await page.getByLabel("Email").fill(OWNER);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`**${cardPath}`);
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/console/sign-in");
    await page.goto("/console/cards");
    assert.match(page.url(), /sign-in/);
  });
});

describe("cards", () => {
  test("pages, segments and Back keep their state in the address", async () => {
    const page = await member();
    const first = await page.locator(".row-link").first().innerText();
    await page.getByRole("link", { name: "Next" }).click();
    await page.waitForURL(/at=/);
    await page.waitForFunction((name) => document.querySelector(".row-link").innerText !== name, first);
    await page.getByRole("link", { name: "Previous" }).click();
    await page.waitForFunction((name) => document.querySelector(".row-link").innerText === name, first);
    await page.getByRole("navigation", { name: "Segments" }).getByRole("link", { name: /Ready to redeem/ }).click();
    await page.waitForURL(/segment=ready_to_redeem/);
    await page.goBack();
    await page.waitForURL((address) => !address.search.includes("segment"));
  });

  test("a card shows its front with a code, and its serial number can be copied", async () => {
    const page = await member({ permissions: ["clipboard-read", "clipboard-write"] });
    await page.goto(cardPath);
    await page.getByRole("img", { name: "QR code of the card" }).waitFor();
    await page.getByRole("button", { name: "Copy serial number" }).click();
    await page.locator(".icon-button.done").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `card-${CARD}`);
  });
});

describe("a live page", () => {
  test("shows a punch without being loaded again", async () => {
    const page = await member();
    await page.goto(cardPath);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (window.kept = true));
    const before = await punches(page);
    const lines = await page.locator("#timeline > li").count();
    await happen(6);
    await page.waitForFunction((count) => document.querySelectorAll("#timeline > li").length === count, lines + 1);
    assert.equal(await punches(page), before + 1);
    assert.match(await page.locator("#timeline > li").first().innerText(), /Barcode scanned/);
    assert.equal(await page.evaluate(() => window.kept), true);
  });

  test("misses nothing while the connection is away", async () => {
    const page = await member();
    await page.goto(cardPath);
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await punches(page);
    await page.context().setOffline(true);
    await page.evaluate(() => dispatchEvent(new Event("pagehide")));
    await happen(6);
    await happen(6);
    await page.context().setOffline(false);
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
    await page.waitForFunction(
      (count) => document.querySelector("#facts .figure-value").innerText.startsWith(`${count} `),
      before + 2,
    );
  });

  test("keeps an open question open when the card changes", async () => {
    const page = await member();
    await page.goto(cardPath);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "End card…" }).click();
    await page.getByRole("alertdialog").waitFor();
    const before = await punches(page);
    await happen(6);
    await page.waitForFunction(
      (count) => document.querySelector("#facts .figure-value").innerText.startsWith(`${count} `),
      before + 1,
    );
    assert.equal(await page.getByRole("alertdialog").isVisible(), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("alertdialog").isVisible(), false);
  });
});

describe("acting", () => {
  test("a reward is redeemed once, however often the button is pressed, and can be taken back", async () => {
    const page = await member();
    await page.goto(cardPath);
    const rewards = page.locator("#facts .figure-value").nth(1);
    assert.match(await rewards.innerText(), /^1/);
    await page.getByRole("button", { name: "Redeem reward" }).dblclick();
    await page.getByText("Reward redeemed.").waitFor();
    assert.match(await rewards.innerText(), /^0/);
    assert.equal(await page.getByRole("button", { name: "Redeem reward" }).count(), 0);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Taken back.").first().waitFor();
    assert.match(await rewards.innerText(), /^1/);
  });

  test("a form made from an older state does nothing and says what changed", async () => {
    const page = await member({ javaScriptEnabled: false });
    await page.goto(cardPath);
    await happen(6);
    await page.getByRole("button", { name: "Redeem reward" }).click();
    await page.getByRole("heading", { name: "This card has changed" }).waitFor();
    assert.match(await page.locator(".timeline").innerText(), /Barcode scanned/);
  });

  test("a card is ended after a question, and restored", async () => {
    const page = await member();
    await page.goto(cardPath);
    await page.getByRole("button", { name: "End card…" }).click();
    const question = page.getByRole("alertdialog");
    assert.equal(await question.getByRole("button", { name: "Keep it" }).evaluate((b) => b === document.activeElement), true);
    await question.getByRole("button", { name: "End card" }).click();
    await page.getByText("Card ended.").waitFor();
    assert.match(await page.locator("#pass").innerText(), /ended/i);
    await page.getByRole("button", { name: "Restore card" }).click();
    await page.getByText("Card restored.").waitFor();
  });

  test("a viewer is shown no actions", async () => {
    const page = await member({}, VIEWER);
    await page.goto(cardPath);
    assert.equal(await page.locator("#actions button").count(), 0);
  });
});

describe("without scripts", () => {
  test("everything can be read and the theme can be changed", async () => {
    const page = await member({ javaScriptEnabled: false, colorScheme: "light" });
    await page.locator(".row-link").first().waitFor();
    await page.goto(cardPath);
    await page.locator("#timeline > li").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Copy serial number" }).count(), 0);
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    await page.getByRole("button", { name: "Dark" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    assert.match(page.url(), new RegExp(`${cardPath}$`));
  });
});

describe("for everyone", () => {
  for (const colorScheme of themes) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 780 }]) {
      test(`axe finds nothing, and nothing is cut off: ${colorScheme}, ${viewport.width} px`, async () => {
        const page = await open({ colorScheme, viewport });
        await page.goto("/console/sign-in");
        await check(page, "sign-in");
        await signIn(page, OWNER, PASSWORD);
        await check(page, "cards");
        await page.goto("/console/cards?rule=visits.over.many");
        await check(page, "cards, by an address that is none");
        await page.goto(cardPath);
        await page.getByText("Live", { exact: true }).waitFor();
        await check(page, "card");
        await page.getByRole("button", { name: "End card…" }).click();
        await check(page, "card, with the question open");
        await page.goto("/console/nowhere");
        await check(page, "not found");
      });
    }
  }

  test("the whole way can be gone with the keyboard", async () => {
    const page = await open();
    await page.goto("/console/sign-in");
    await page.keyboard.type(OWNER);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/cards");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to content");
    await page.keyboard.press("Enter");
    for (let tabs = 0; tabs < 60 && !(await isRow(page)); tabs += 1) await page.keyboard.press("Tab");
    assert.equal(await isRow(page), true);
    await page.keyboard.press("Enter");
    await page.waitForURL(/cards\/[0-9a-z]{13}/);
  });

  test("the theme switch works at once and is remembered", async () => {
    const page = await member({ colorScheme: "light" });
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    const stored = page.waitForResponse("**/console/theme");
    await page.getByRole("button", { name: "Dark" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    await stored;
    await page.reload();
    await page.locator("html[data-theme=dark]").waitFor();
  });
});

const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());
const isRow = (page) => page.evaluate(() => document.activeElement.matches(".row-link"));

async function check(page, name) {
  // The policy of the page allows no foreign script; the debugger's own world is not the page's.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(found, [], `axe on ${name}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wider, 0, `${name} fits its window`);
}
