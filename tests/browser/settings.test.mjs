// Settings in headless Chromium: members are invited and removed, with the keyboard alone where that matters.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blank, member } from "./harness.mjs";

const { PASSWORD } = process.env;

describe("members", () => {
  test("a link is made by keys alone, shown once, and lets its guest in", async () => {
    const page = await member("/console/settings");
    const email = page.getByLabel("Email");
    for (let tabs = 0; tabs < 40 && !(await email.evaluate((field) => field === document.activeElement)); tabs += 1) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type("edda@browser.example");
    await page.keyboard.press("Enter");
    const link = page.locator("code", { hasText: "/console/join/" });
    await link.waitFor();
    const address = new URL(await link.innerText());
    const guest = await blank();
    await guest.goto(address.pathname);
    await guest.getByLabel("Your name").fill("Edda Blum");
    await guest.getByLabel("Password").fill(PASSWORD);
    await guest.keyboard.press("Enter");
    await guest.waitForURL("**/console/sign-in");
    await page.goto("/console/settings");
    assert.equal(await page.getByText("/console/join/").count(), 0, "the link is shown only once");
    await page.getByRole("link", { name: /Remove… Edda Blum/ }).click();
    const question = page.getByRole("alertdialog");
    await question.waitFor();
    assert.equal(await question.getByRole("link", { name: "Cancel" }).evaluate((link) => link === document.activeElement), true);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: /Remove… Edda Blum/ }).click();
    await question.getByRole("button", { name: "Remove member" }).click();
    await page.getByText("Member removed.").waitFor();
    assert.equal(await page.getByText("Edda Blum").count(), 0);
  });
});

describe("keys and languages", () => {
  test("the palette leads anywhere, and the list of keys can switch single ones off", async () => {
    const page = await member("/console/settings");
    await page.keyboard.press("Control+k");
    await page.locator("#palette-find").fill("mess");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/messages");
    await page.keyboard.press("?");
    const box = page.getByRole("checkbox", { name: "Use single keys" });
    await box.uncheck();
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    assert.equal(await page.getByRole("dialog").count(), 0);
  });

  test("German is one press away", async () => {
    const page = await member("/console/settings");
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    await page.getByRole("button", { name: "Deutsch" }).click();
    await page.getByRole("heading", { name: "Mitglied einladen" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  });
});
