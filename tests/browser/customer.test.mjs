// A card's profile and its holder in headless Chromium. The Rust test `console::browser` starts the gateway and sets the
// environment.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { happen, member } from "./harness.mjs";

const card = `/console/cards/${process.env.CARD}`;

const dialog = (page) => page.locator("dialog#modal[open]");
const rewards = (page) => page.locator("#facts .figure-value").nth(1).innerText();

describe("a balance", () => {
  test("is changed in a dialog that shows the effect first, and taken back", async () => {
    const page = await member(card);
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
    const page = await member(card);
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
    const page = await member(card);
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
    for (let more = 0; more < 35; more += 1) await happen(6);
    const page = await member(`${card}/timeline`);
    const lines = page.locator("#history li.event");
    const first = await lines.count();
    await page.getByRole("link", { name: "Load more" }).click();
    await page.waitForFunction((count) => document.querySelectorAll("#history li.event").length > count, first);
    const ids = await lines.evaluateAll((items) => items.map((item) => item.id));
    assert.equal(new Set(ids).size, ids.length);
    await page.goto(`${card}/timeline`);
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await lines.count();
    await happen(6);
    await page.waitForFunction((count) => document.querySelectorAll("#timeline li.event").length === count + 1, before);
    await page.getByLabel("Show").selectOption("card_issued");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/type=card_issued/);
    await page.getByText("Start of history").waitFor();
    assert.equal(await lines.count(), 1);
    // The part that took the place of the first one is live as well.
    await page.locator("#history").getByText("Live", { exact: true }).waitFor();
  });
});

describe("what was typed", () => {
  test("stays when the session has ended, and is sent after signing in beside it", async () => {
    const page = await member(`${card}/notes`);
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
    const page = await member(`${card}/notes`);
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
    const page = await member("/console/customers/new");
    await page.getByLabel("First name").fill("Greta");
    await page.getByLabel("Email", { exact: true }).fill("greta@browser.example");
    await page.getByLabel("Program").selectOption({ label: "Coffee card" });
    await page.getByRole("button", { name: "Add customer" }).click();
    await page.getByRole("img", { name: "QR code of the installation link" }).waitFor();
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

const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());
