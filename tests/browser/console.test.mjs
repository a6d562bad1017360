// The console in headless Chromium. The Rust test `console::browser` starts the gateway and sets the environment.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blank, happen, member } from "./harness.mjs";

const { OWNER, VIEWER, PASSWORD, CARD } = process.env;
const cardPath = `/console/cards/${CARD}`;
const punches = async (page) => Number((await page.locator("#facts .figure-value").first().innerText()).split(" ")[0]);

describe("signing in", () => {
  test("a wrong password keeps the email and says why", async () => {
    const page = await blank();
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
    const page = await blank();
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
    const page = await member("/console/cards");
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
    const page = await member("/console/cards", { permissions: ["clipboard-read", "clipboard-write"] });
    await page.goto(`${cardPath}/information`);
    await page.getByRole("button", { name: "Copy: Serial number" }).click();
    await page.locator(".icon-button.done").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `card-${CARD}`);
  });
});

describe("a live page", () => {
  test("shows a punch without being loaded again", async () => {
    const page = await member("/console/cards");
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
    const page = await member("/console/cards");
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
    const page = await member("/console/cards");
    await page.goto(cardPath);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "End card…" }).click();
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
    const page = await member("/console/cards");
    await page.goto(cardPath);
    const rewards = page.locator("#facts .figure-value").nth(1);
    assert.match(await rewards.innerText(), /^1/);
    await page.getByRole("link", { name: "Redeem reward" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Apply" }).dblclick();
    await page.getByText("Reward redeemed.").waitFor();
    assert.match(await rewards.innerText(), /^0/);
    assert.equal(await page.getByRole("link", { name: "Redeem reward" }).count(), 0);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Taken back.").first().waitFor();
    assert.match(await rewards.innerText(), /^1/);
  });

  test("a form made from an older state does nothing and says what changed", async () => {
    const page = await member("/console/cards", { javaScriptEnabled: false });
    await page.goto(`${cardPath}/redeem`);
    await happen(6);
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByRole("heading", { name: "This card has changed" }).waitFor();
    assert.match(await page.locator(".timeline").innerText(), /Barcode scanned/);
  });

  test("a card is ended after a question, and restored", async () => {
    const page = await member("/console/cards");
    await page.goto(cardPath);
    await page.getByRole("link", { name: "End card…" }).click();
    const question = page.getByRole("alertdialog");
    await question.waitFor();
    assert.equal(await question.getByRole("link", { name: "Keep it" }).evaluate((b) => b === document.activeElement), true);
    await question.getByRole("button", { name: "End card" }).click();
    await page.getByText("Card ended.").waitFor();
    assert.match(await page.locator("#pass").innerText(), /ended/i);
    await page.getByRole("button", { name: "Restore card" }).click();
    await page.getByText("Card restored.").waitFor();
  });

  test("a viewer is shown no actions", async () => {
    const page = await member("/console/cards", {}, VIEWER);
    await page.goto(cardPath);
    // But how the card is given to its holder.
    assert.equal(await page.locator('#actions :is(button, a:not([href*="/share"]))').count(), 0);
  });
});

describe("without scripts", () => {
  test("everything can be read and the theme can be changed", async () => {
    const page = await member("/console/cards", { javaScriptEnabled: false, colorScheme: "light" });
    await page.locator(".row-link").first().waitFor();
    await page.goto(cardPath);
    await page.locator("#timeline > li").first().waitFor();
    assert.equal(await page.getByRole("button", { name: /^Copy/ }).count(), 0);
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    await page.getByRole("button", { name: "Dark" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    assert.match(page.url(), new RegExp(`${cardPath}$`));
  });
});

describe("themes", () => {
  test("the theme switch works at once and is remembered", async () => {
    const page = await member("/console/cards", { colorScheme: "light" });
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    const stored = page.waitForResponse("**/console/theme");
    await page.getByRole("button", { name: "Dark" }).click();
    await page.locator("html[data-theme=dark]").waitFor();
    await stored;
    await page.reload();
    await page.locator("html[data-theme=dark]").waitFor();
  });
});
