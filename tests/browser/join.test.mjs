// Joining and sharing in headless Chromium. The Rust test `console::joining::browser` starts the gateway and sets the
// environment.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import axe from "axe-core";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, OWNER, VIEWER, PASSWORD, JOIN, WITH_CODE, REFERRAL, SHARE, HOLDER, CODE } = process.env;
const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const agents = {
  iphone: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1",
  android: "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36",
};

let browser;
let contexts = [];
let complaints = [];
const sessions = {};

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
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return page;
}

async function member(path, options = {}, email = OWNER) {
  if (!sessions[email]) {
    const page = await open();
    await signIn(page, email, PASSWORD);
    sessions[email] = await page.context().storageState();
  }
  const page = await open({ ...options, storageState: sessions[email] });
  await page.goto(path);
  return page;
}

async function check(page, name) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(found, [], `axe on ${name}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wider, 0, `nothing is cut off on ${name}`);
}

const focused = (page) => page.evaluate(() => document.activeElement?.name || document.activeElement?.type || "");

describe("joining", () => {
  test("on a phone, by the keyboard alone, to the card's own page", async () => {
    const page = await open({ ...phone, userAgent: agents.iphone });
    await page.goto(`${JOIN}?utm_source=window`);
    const values = { first_name: "Ada", last_name: "", email: "ada@browser.example", phone: "", "field:milk": "" };
    for (const [name, value] of Object.entries(values)) {
      for (let tabs = 0; tabs < 6 && (await focused(page)) !== name; tabs += 1) await page.keyboard.press("Tab");
      assert.equal(await focused(page), name);
      if (value) await page.keyboard.type(value);
    }
    for (let tabs = 0; tabs < 6 && (await focused(page)) !== "agree:marketing"; tabs += 1) await page.keyboard.press("Tab");
    assert.equal(await page.getByLabel(/offers and news/).isChecked(), false);
    await page.keyboard.press("Space");
    assert.equal(await page.getByLabel(/offers and news/).isChecked(), true);
    for (let tabs = 0; tabs < 6 && (await focused(page)) !== "submit"; tabs += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/card/**");
    await page.getByText("Welcome! Your card is ready.").waitFor();
    await page.getByRole("img", { name: "QR code of your card" }).waitFor();
  });

  test("without scripts, in German, and what was typed is kept", async () => {
    const page = await open({ ...phone, locale: "de-DE", javaScriptEnabled: false, userAgent: agents.android });
    await page.goto(JOIN);
    await page.getByLabel("Vorname").fill("   ");
    await page.getByLabel("E-Mail").fill("zoe@browser.example");
    await page.getByLabel("Which milk do you like?").selectOption("Oat");
    await page.getByLabel(/über Angebote und Neuigkeiten/).check();
    await page.getByRole("button", { name: "Karte holen" }).click();
    await page.getByText("Bitte ausfüllen.").waitFor();
    assert.equal(await page.getByLabel("E-Mail").inputValue(), "zoe@browser.example");
    assert.equal(await page.getByLabel("Which milk do you like?").inputValue(), "Oat");
    assert.equal(await page.getByLabel(/über Angebote und Neuigkeiten/).isChecked(), true);
    await page.getByLabel("Vorname").fill("Zoë");
    await page.getByRole("button", { name: "Karte holen" }).click();
    await page.getByText("Willkommen! Ihre Karte ist da.").waitFor();
    assert.match(await page.locator(".balance").innerText(), /0 von 10/);
  });

  test("two clicks make one card", async () => {
    const page = await open();
    await page.goto(JOIN);
    await page.getByLabel("First name").fill("Twice");
    await page.getByLabel("Email").fill("twice@browser.example");
    await page.getByRole("button", { name: "Get my card" }).dblclick();
    await page.getByText("Welcome! Your card is ready.").waitFor();
    const list = await member("/console/cards?find=twice%40browser.example");
    assert.equal(await list.getByRole("link", { name: /Twice/ }).count(), 1);
  });

  test("who is known is shown no card, by address or by number", async () => {
    const page = await open(phone);
    await page.goto(JOIN);
    await page.getByLabel("First name").fill("Mallory");
    await page.getByLabel("Email").fill("ADA@browser.example");
    await page.getByRole("button", { name: "Get my card" }).click();
    await page.getByRole("heading", { name: "You may have a card already" }).waitFor();
    assert.equal(await page.locator("svg").count(), 0);
    await check(page, "the answer to who is known");
  });

  test("who goes back makes another card for another person", async () => {
    const page = await open();
    await page.goto(JOIN);
    const fill = async (name) => {
      await page.getByLabel("First name").fill(name);
      await page.getByLabel("Email").fill(`${name}@browser.example`);
      await page.getByRole("button", { name: "Get my card" }).click();
      await page.getByText("Welcome! Your card is ready.").waitFor();
      return new URL(page.url()).pathname;
    };
    const first = await fill("one");
    await page.goBack();
    assert.notEqual(await fill("other"), first);
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing on any page, and nothing is cut off: ${colorScheme}`, async () => {
      for (const size of [{ viewport: { width: 320, height: 700 } }, { viewport: { width: 1280, height: 800 } }]) {
        for (const locale of ["en-GB", "de-DE"]) {
          const page = await open({ ...size, colorScheme, locale });
          for (const path of [JOIN, REFERRAL, WITH_CODE, "/join/x/y", HOLDER]) {
            await page.goto(path);
            await check(page, path);
          }
          await page.goto(WITH_CODE);
          await page.locator("#code").fill("ABCD");
          await page.locator("#first_name").fill("Ada");
          await page.locator("#email").fill("new@browser.example");
          await page.locator("button[type=submit]").click();
          await page.locator("#code-problem").waitFor();
          await check(page, "a refused code");
        }
      }
    });
  }
});

describe("a card's page", () => {
  test("takes a code once, and says so when it is typed again", async () => {
    const page = await open({ ...phone, javaScriptEnabled: false });
    await page.goto(HOLDER);
    for (const said of ["Your code has been added to your card.", "already used for this card, on"]) {
      if (!(await page.locator("#code").isVisible())) await page.getByText("I have a code").click();
      await page.locator("#code").fill(CODE);
      await page.getByRole("button", { name: "Use code" }).click();
      await page.getByText(said).waitFor();
    }
  });

  test("gives the holder their link for friends, and copies it", async () => {
    const page = await open({ permissions: ["clipboard-write", "clipboard-read"] });
    await page.goto(HOLDER);
    const link = page.getByLabel("Your link for friends");
    if (!(await link.count())) await page.getByRole("button", { name: "Get my link" }).click();
    assert.match(await link.inputValue(), /\/join\/[^?]+\?ref=[0-9a-z]{26}$/);
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("Copied.").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await link.inputValue());
  });
});

describe("sharing a program", () => {
  test("link, code and files follow the campaign, with and without scripts", async () => {
    for (const javaScriptEnabled of [true, false]) {
      const page = await member("/console/tools", { javaScriptEnabled }, VIEWER);
      await page.getByRole("link", { name: "Share a program" }).click();
      await page.getByRole("link", { name: "Coffee card" }).click();
      await page.getByLabel("Source").fill("Table tent");
      await page.getByRole("button", { name: "Apply to link and code" }).click();
      await page.getByText("?utm_source=Table+tent").first().waitFor();
      assert.match(await page.getByRole("link", { name: "QR code as PNG" }).getAttribute("href"), /code\.png\?utm_source=Table\+tent$/);
      assert.equal(await page.getByRole("button", { name: "Save page" }).count(), 0, "a viewer shares and changes nothing");
    }
  });

  test("a poster is one page of A4", async () => {
    const page = await member(`${SHARE}/poster?utm_source=window&language=de`);
    await page.getByText("Scannen, und die Karte ist auf dem Handy.").waitFor();
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
    assert.equal(pdf.match(/\/Type\s*\/Page\b/g).length, 1);
    const [, width, height] = pdf.match(/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/);
    assert.deepEqual([Math.round(width), Math.round(height)], [595, 842]);
  });

  test("who may edit programs closes the page and opens it again, by the keyboard", async () => {
    const page = await member(SHARE);
    const stranger = await open();
    for (const [word, title] of [["Closed", "No new cards at the moment"], ["Open to everybody", "Coffee card"]]) {
      await page.getByRole("radio", { name: word }).focus();
      await page.keyboard.press("Space");
      await page.keyboard.press("Enter");
      await page.getByText("Page saved.").waitFor();
      await stranger.goto(JOIN);
      await stranger.getByRole("heading", { name: title }).waitFor();
      await page.goto(SHARE);
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing: ${colorScheme}`, async () => {
      for (const viewport of [{ width: 360, height: 780 }, { width: 1280, height: 900 }]) {
        for (const path of ["/console/tools/share", SHARE, `${SHARE}/poster`]) {
          const page = await member(path, { colorScheme, viewport });
          await check(page, path);
        }
      }
    });
  }
});

describe("where people came from", () => {
  test("the source of a link that was followed has its row, and every number is in a table", async () => {
    const page = await member(SHARE);
    const row = page.locator(".came-lines tr", { has: page.getByRole("rowheader", { name: "window" }) });
    assert.ok(Number(await row.getByRole("cell").last().innerText()) >= 1);
    await page.getByText("All numbers").press("Enter");
    const numbers = page.getByRole("region", { name: "All numbers" });
    await numbers.getByRole("columnheader", { name: "window" }).waitFor();
    assert.equal(await numbers.getByRole("rowheader").count(), 12);
    await check(page, "the opened numbers");
  });
});

describe("consent words", () => {
  const here = "/console/settings/consents?language=en";
  const ours = "Morgenrot may write to me about new cakes. I can take this back at any time.";

  test("are typed with their preview beside, said on the join page, and taken back", async () => {
    const page = await member(here);
    const stranger = await open(phone);
    const preview = page.getByRole("region", { name: "What people would read" });
    await page.getByRole("textbox", { name: "Marketing" }).focus();
    await page.keyboard.type(ours);
    await preview.getByText(ours).waitFor();
    await page.getByRole("button", { name: "Save as a new version" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Saved. Whoever opens a join page from now on reads this.").waitFor();
    await page.getByText("Version 1", { exact: true }).first().waitFor();
    await stranger.goto(JOIN);
    assert.equal(await stranger.getByLabel(ours).isChecked(), false);
    await check(stranger, "the join page with own words");
    await page.getByText("Words: Version 1").press("Enter");
    await check(page, "the opened words of a version");
    await page.getByRole("button", { name: "Back to the standard words" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Version 2", { exact: true }).first().waitFor();
    await stranger.goto(JOIN);
    await stranger.getByLabel(/offers and news/).waitFor();
  });

  test("without scripts: a preview before saving, and a refusal that keeps what was typed", async () => {
    const page = await member(here, { javaScriptEnabled: false });
    await page.getByRole("textbox", { name: "Marketing" }).fill(ours);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("region", { name: "What people would read" }).getByText(ours).waitFor();
    await page.getByRole("textbox", { name: "Marketing" }).fill("<b>Everything</b> for me");
    await page.getByRole("button", { name: "Save as a new version" }).click();
    await page.getByText("Please write plain text without < and >.").waitFor();
    assert.equal(await page.getByRole("textbox", { name: "Marketing" }).inputValue(), "<b>Everything</b> for me");
  });
});
