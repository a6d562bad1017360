// Settings in headless Chromium: members are invited and removed, with the keyboard alone where that matters.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, OWNER, PASSWORD } = process.env;

let browser;
let state;
before(async () => {
  browser = await launch();
  const context = await browser.newContext({ baseURL: BASE_URL });
  const page = await context.newPage();
  await signIn(page, OWNER, PASSWORD);
  state = await context.storageState();
  await context.close();
});
after(() => browser.close());

async function owner(path, options = {}) {
  const context = await browser.newContext({ baseURL: BASE_URL, storageState: state, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(path);
  return page;
}

describe("members", () => {
  test("a link is made by keys alone, shown once, and lets its guest in", async () => {
    const page = await owner("/console/settings");
    const email = page.getByLabel("Email");
    for (let tabs = 0; tabs < 40 && !(await email.evaluate((field) => field === document.activeElement)); tabs += 1) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type("edda@browser.example");
    await page.keyboard.press("Enter");
    const link = page.locator("code", { hasText: "/console/join/" });
    await link.waitFor();
    const address = new URL(await link.innerText());
    const guest = await (await browser.newContext({ baseURL: BASE_URL })).newPage();
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
    const page = await owner("/console/settings");
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
    const page = await owner("/console/settings");
    await page.getByRole("button", { name: /Olga Brandt/ }).click();
    await page.getByRole("button", { name: "Deutsch" }).click();
    await page.getByRole("heading", { name: "Mitglied einladen" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  });
});

describe("for everyone", () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 780 }]) {
      test(`axe finds nothing, and nothing is cut off: ${colorScheme}, ${viewport.width} px`, async () => {
        const page = await owner("/console/settings", { colorScheme, viewport });
        const paths = ["settings", "settings/account", "settings/account/second-factor", "messages", "messages/new", "styleguide"];
        for (const path of paths) {
          await page.goto(`/console/${path}`);
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate(() => window.axe.run());
          const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
          assert.deepEqual(found, [], `axe on ${path}`);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(wider, 0, `${path} fits its window`);
        }
      });
    }
  }
});

describe("loading", () => {
  test("the first paint comes within a second, and nothing moves after it", async () => {
    const page = await owner("/console/settings");
    await page.goto("/console/cards");
    const { paint, shift } = await page.evaluate(
      () =>
        new Promise((resolve) => {
          let shift = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
              if (entry.name === "first-contentful-paint") setTimeout(() => resolve({ paint: entry.startTime, shift }), 500);
            }
          }).observe({ type: "paint", buffered: true });
        }),
    );
    // Printed and not asserted: a busy machine proves nothing about a page.
    console.log(`figure console.first_paint_ms ${paint.toFixed(0)} ms`);
    assert.ok(shift < 0.01, `what is there stays where it is; moved by ${shift}`);
  });
});
