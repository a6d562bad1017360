// A card's profile and its holder in headless Chromium. The Rust test `console::browser` starts the gateway and sets the
// environment.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import axe from "axe-core";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, CONTROL_URL, OWNER, PASSWORD, CARD } = process.env;
const card = `/console/cards/${CARD}`;
const tabs = ["", "/information", "/card", "/timeline", "/offers", "/feedback", "/notes", "/notifications"];
const acts = ["/redeem", "/balance", "/expiry", "/name", "/letter", "/push", "/end", "/share"];

let browser;
let session;
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

async function open(path, options = {}) {
  if (!session) {
    const context = await browser.newContext({ baseURL: BASE_URL });
    const page = await context.newPage();
    await signIn(page, OWNER, PASSWORD);
    session = await context.storageState();
    await context.close();
  }
  const context = await browser.newContext({ baseURL: BASE_URL, reducedMotion: "reduce", storageState: session, ...options });
  context.setDefaultTimeout(60_000);
  contexts.push(context);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  await page.goto(path);
  return page;
}

const dialog = (page) => page.locator("dialog#modal[open]");
const rewards = (page) => page.locator("#facts .figure-value").nth(1).innerText();

describe("a balance", () => {
  test("is changed in a dialog that shows the effect first, and taken back", async () => {
    const page = await open(card);
    const had = await rewards(page);
    await page.getByRole("link", { name: "Punches", exact: true }).click();
    const now = Number(await dialog(page).getByLabel("Punches from now on").inputValue());
    await dialog(page).getByLabel("Punches from now on").fill(String(now + 10));
    await dialog(page).getByLabel("Reason").fill("birthday");
    await dialog(page).getByRole("button", { name: "Show effect" }).click();
    await dialog(page).getByText("1 reward becomes ready.").waitFor();
    assert.equal(await dialog(page).getByLabel("Reason").inputValue(), "birthday");
    await dialog(page).getByRole("button", { name: "Apply" }).dblclick();
    await page.getByText("Balance changed.").waitFor();
    assert.notEqual(await rewards(page), had);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Taken back.").first().waitFor();
    assert.equal(await rewards(page), had);
  });

  test("can be changed with keys only", async () => {
    const page = await open(card);
    await page.keyboard.press("Tab");
    for (let tabs = 0; tabs < 60 && !(await focused(page)).startsWith("Punches"); tabs += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await dialog(page).getByLabel("Punches from now on").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "number");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("many");
    await page.keyboard.press("Tab");
    await page.keyboard.type("typed by hand");
    await page.keyboard.press("Enter");
    await dialog(page).getByText("Write a whole number.").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "number");
    // What was typed is not lost by a slip: Esc asks first.
    await page.keyboard.type("1");
    page.once("dialog", (question) => question.dismiss());
    await page.keyboard.press("Escape");
    assert.equal(await dialog(page).getByLabel("Reason").inputValue(), "typed by hand");
    page.once("dialog", (question) => question.accept());
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" }).catch(() => {});
    assert.equal(await dialog(page).count(), 0);
    assert.match(await focused(page), /^Punches/);
  });
});

describe("a push", () => {
  test("shows its length and its looks while it is typed, is looked at, and sent", async () => {
    const page = await open(card);
    await page.getByRole("link", { name: "Send push" }).click();
    const text = dialog(page).getByLabel("Text");
    await text.pressSequentially("Fresh cake");
    assert.equal(await dialog(page).locator("output").first().innerText(), "10");
    assert.match(await dialog(page).getByRole("figure", { name: "Apple lock screen" }).innerText(), /Fresh cake/);
    await dialog(page).getByLabel("About").selectOption("reward");
    await dialog(page).getByRole("button", { name: "Save and look ahead" }).click();
    await dialog(page).getByRole("heading", { name: "What will become of it" }).waitFor();
    await dialog(page).getByRole("button", { name: "Send now" }).click();
    await page.getByText("Message scheduled.").waitFor();
  });
});

describe("a timeline", () => {
  test("loads more without drawing anything twice, filters, and takes in what happens", async () => {
    for (let more = 0; more < 35; more += 1) await fetch(`${CONTROL_URL}/happen/6`, { method: "POST" });
    const page = await open(`${card}/timeline`);
    const lines = page.locator("#history li.event");
    const first = await lines.count();
    await page.getByRole("link", { name: "Load more" }).click();
    await page.waitForFunction((count) => document.querySelectorAll("#history li.event").length > count, first);
    const ids = await lines.evaluateAll((items) => items.map((item) => item.id));
    assert.equal(new Set(ids).size, ids.length);
    await page.goto(`${card}/timeline`);
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await lines.count();
    await fetch(`${CONTROL_URL}/happen/6`, { method: "POST" });
    await page.waitForFunction((count) => document.querySelectorAll("#timeline li.event").length === count + 1, before);
    await page.getByLabel("Show").selectOption("card_issued");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/type=card_issued/);
    await page.getByText("Start of history").waitFor();
    assert.equal(await lines.count(), 1);
  });
});

describe("what was typed", () => {
  test("stays when the session has ended, and is sent after signing in beside it", async () => {
    const page = await open(`${card}/notes`);
    await page.getByLabel("New note").fill("Allergic to nuts");
    const cookies = await page.context().cookies();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Save note" }).click();
    await page.getByText("Your session has ended.").waitFor();
    assert.equal(await page.getByLabel("New note").inputValue(), "Allergic to nuts");
    await page.context().addCookies(cookies);
    await page.getByRole("button", { name: "Save note" }).click();
    await page.getByText("Note saved.").waitFor();
    await page.getByText("Allergic to nuts").first().waitFor();
  });

  test("stays when it is far too long", async () => {
    const page = await open(`${card}/notes`);
    const pasted = "x".repeat(200_000);
    await page.getByLabel("New note").fill(pasted);
    await page.getByRole("button", { name: "Save note" }).click();
    await page.getByText("A form takes at most 64 KiB").waitFor();
    assert.equal((await page.getByLabel("New note").inputValue()).length, pasted.length);
    page.once("dialog", (question) => question.accept());
  });
});

describe("a person", () => {
  test("is added, shared, found instead of doubled, and erased with a way back", async () => {
    const page = await open("/console/customers/new");
    await page.getByLabel("First name").fill("Greta");
    await page.getByLabel("Email", { exact: true }).fill("greta@browser.example");
    await page.getByLabel("Program").selectOption({ label: "Coffee card" });
    await page.getByRole("button", { name: "Add customer" }).click();
    await page.getByRole("img", { name: "QR code of the installation link" }).waitFor();
    await check(page, "share");
    await page.goto("/console/customers/new");
    await page.getByLabel("Email", { exact: true }).fill("GRETA@browser.example");
    await page.getByRole("button", { name: "Add customer" }).click();
    await page.getByRole("link", { name: "Open Greta" }).click();
    await page.getByRole("heading", { name: "Greta" }).waitFor();
    await page.getByText("More", { exact: true }).click();
    await page.getByRole("link", { name: "Erase customer…" }).click();
    const question = page.getByRole("alertdialog");
    await question.getByText("1 card ends").waitFor();
    assert.equal(await question.getByRole("link", { name: "Cancel" }).evaluate((link) => link === document.activeElement), true);
    await question.getByRole("button", { name: "Erase" }).click();
    await page.getByRole("button", { name: "Keep this customer" }).click();
    await page.getByText("The customer is kept.").waitFor();
  });
});

describe("without scripts", () => {
  test("every tab can be read and every form is a page", async () => {
    const page = await open(card, { javaScriptEnabled: false });
    for (const part of [...tabs, ...acts]) {
      const answer = await page.goto(`${card}${part}`);
      assert.equal(answer.status(), 200, part);
      await page.locator("h1").first().waitFor();
    }
  });
});

describe("for everyone", () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 780 }]) {
      test(`axe finds nothing, and nothing is cut off: ${colorScheme}, ${viewport.width} px`, async () => {
        const page = await open(card, { colorScheme, viewport });
        for (const part of [...tabs, ...acts]) {
          await page.goto(`${card}${part}`);
          await check(page, part || "overview");
        }
        for (const path of ["/console/customers/new", `${card}/timeline?type=tier_changed`]) {
          await page.goto(path);
          await check(page, path);
        }
        await page.goto(card);
        await page.getByText("More", { exact: true }).click();
        await check(page, "overview, with the other acts");
        await page.getByRole("link", { name: "Send push" }).click();
        await dialog(page).waitFor();
        await check(page, "a push in a dialog");
      });
    }
  }
});

const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

async function check(page, name) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(found, [], `axe on ${name}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wider, 0, `${name} fits its window`);
}
