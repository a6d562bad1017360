// Every main flow without a pointer: what has the focus is looked at, never clicked.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { submit } from "./browser.mjs";
import { blank, member, work } from "./harness.mjs";
import { otp } from "./otp.mjs";
import { careful } from "./stage.mjs";

const { PASSWORD, CARD, COUPON } = process.env;
const dialog = (page) => page.locator("dialog#modal[open]");
// A day so many days from now, as it is typed into a field of an American browser.
const typedDay = (days) => {
  const [year, month, day] = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10).split("-");
  return `${month}${day}${year}`;
};
const wide = { viewport: { width: 1440, height: 900 } };

// What has the focus, as it is read out: its label, its text, or its id. A page that is just being left has none.
const focused = async (page) => {
  const ask = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return (at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent).trim();
    });
  return ask().catch(async (error) => {
    if (!/context was destroyed/.test(error.message)) throw error;
    await page.waitForLoadState();
    return ask();
  });
};

// Tabs on until what has the focus begins so, or has that id.
async function reach(page, name, most = 120) {
  const is = (text) => (typeof name === "string" ? text.startsWith(name) : name.test(text));
  for (let tabs = 0; tabs < most; tabs += 1) {
    if (is(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${name} is not reached; at last ${await focused(page)} had the focus`);
}

async function press(page, name) {
  await reach(page, name);
  await page.keyboard.press("Enter");
}

async function write(page, name, text) {
  await reach(page, name);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

const hasFocus = (page, selector) => page.waitForFunction((selector) => document.activeElement?.matches(selector), selector);

describe("signing in with keys", () => {
  test("takes a password and a code, and a wrong code is no trap", async () => {
    const owner = await member("/console/settings");
    const email = "kira@keys.example";
    const { text } = await submit(owner, "/console/settings", { email, role: "editor" }, 'form[action$="/members/invite"]');
    const { secret } = await careful(() => blank(), text.match(/\/console\/join\/[^"<\s]+/)[0], email);
    const page = await blank();
    await page.goto("/console/cards");
    await write(page, "Email", email);
    await write(page, "Password", PASSWORD);
    await page.keyboard.press("Enter");
    await hasFocus(page, "#code");
    await page.keyboard.type("000000");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await hasFocus(page, "#code");
    // Each code is good once: the app's next one.
    await page.keyboard.type(otp(secret, 1));
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/cards");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to content");
    await page.keyboard.press("Enter");
    await hasFocus(page, "main");
  });
});

describe("a customer", () => {
  test("is found and opened, and the focus comes back to the row", async () => {
    const page = await member("/console/cards", wide);
    await page.keyboard.press("/");
    await page.keyboard.type("aylin");
    await page.waitForURL(/find=aylin/);
    await page.waitForFunction(() => [...document.querySelectorAll(".row-link")].every((link) => link.innerText.startsWith("Aylin")));
    await page.keyboard.press("ArrowDown");
    await hasFocus(page, "tr:first-child .row-link");
    await page.keyboard.press("j");
    await hasFocus(page, "tr:nth-child(2) .row-link");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.locator("#panel:not([hidden]) h1").waitFor();
    await hasFocus(page, "#panel");
    await page.keyboard.press("Escape");
    await page.locator("#panel").waitFor({ state: "hidden" });
    await hasFocus(page, "tr:first-child .row-link");
  });

  test("is opened, and the focus comes back to a row that was drawn anew meanwhile", async () => {
    const page = await member("/console/cards?find=aylin", wide);
    await page.keyboard.press("j");
    await hasFocus(page, "tr:first-child .row-link");
    await page.keyboard.press("Enter");
    await page.locator("#panel:not([hidden]) h1").waitFor();
    await page.locator("tr:has(.row-link)").first().evaluate((row) => row.replaceWith(row.cloneNode(true)));
    await hasFocus(page, "#panel");
    await page.keyboard.press("Escape");
    await hasFocus(page, "tr:first-child .row-link");
  });

  test("is given punches with a reason, and they are taken back", async () => {
    const page = await member(`/console/cards/${CARD}`);
    await press(page, /^Punches$/);
    await hasFocus(page, "#number");
    const now = Number(await dialog(page).locator("#number").inputValue());
    await write(page, "Punches from now on", String(now + 1));
    await write(page, "Reason", "by keys");
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("status").waitFor();
    await hasFocus(page, "[value=apply]");
    await page.keyboard.press("Enter");
    await page.getByText("Balance changed.").waitFor();
    await press(page, "Undo");
    await page.getByText("Taken back.").first().waitFor();
  });

  test("redeems a coupon with what was paid", async () => {
    const page = await member(`/console/cards/${COUPON}`);
    await press(page, "Redeem coupon");
    await write(page, "Purchase amount", "12.50");
    await page.keyboard.press("Enter");
    await page.locator("[data-toast]", { hasText: "redeemed" }).waitFor();
    await page.goto(`/console/cards/${COUPON}/timeline`);
    assert.match(await page.locator("#timeline").innerText(), /12\.50 EUR/);
  });

  test("has its card ended, after a question that can be left, and restored", async () => {
    const page = await member(`/console/cards/${CARD}`);
    await press(page, "End card…");
    await page.getByRole("alertdialog").waitFor();
    assert.equal(await focused(page), "Keep it");
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor({ state: "hidden" });
    assert.equal(await focused(page), "End card…");
    await page.keyboard.press("Enter");
    await page.getByRole("alertdialog").waitFor();
    await press(page, "End card");
    await page.getByText("Card ended.").waitFor();
    await press(page, "Restore card");
    await page.getByText("Card restored.").waitFor();
  });

  test("keeps a card until a day that is typed", async () => {
    const page = await member(`/console/cards/${CARD}`);
    await page.keyboard.press("a");
    await reach(page, "Change expiration");
    await page.keyboard.press("Enter");
    await hasFocus(page, "#day");
    await page.keyboard.type(typedDay(60));
    // The day stands instead of the box, and the box instead of the day.
    const never = page.getByLabel("Does not expire");
    assert.equal(await never.isChecked(), false);
    await reach(page, "Does not expire");
    await page.keyboard.press("Space");
    assert.equal(await page.locator("#day").inputValue(), "");
    await page.locator("#day").focus();
    await page.keyboard.type(typedDay(60));
    assert.equal(await never.isChecked(), false);
    await press(page, "Apply");
    await page.getByText("Expiration changed.").waitFor();
    const form = await (await page.context().request.get(`/console/cards/${CARD}/expiry`)).text();
    assert.ok(form.includes(new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10)));
    await press(page, "Undo");
    await page.getByText("Expiration changed.").waitFor();
  });
});

describe("many", () => {
  test("all that match are given something, and it is taken back", async () => {
    const page = await member("/console/cards?segment=ready_to_redeem", wide);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("1 selected").waitFor();
    await page.keyboard.press("a");
    await hasFocus(page, "[data-everything]");
    await page.keyboard.press("Space");
    const total = (await page.locator("#total").innerText()).split(" ")[0];
    await page.getByText(`${total} selected`).waitFor();
    await page.locator("#act[data-offered] #offers button").first().waitFor();
    await press(page, "Add punches");
    await page.getByText(/can be given punches/).waitFor();
    await hasFocus(page, "#reason");
    await page.keyboard.type("A warm evening");
    await page.keyboard.press("Enter");
    await page.waitForURL(/console\/jobs\/[0-9a-z]{13}/);
    await work();
    await page.getByRole("link", { name: "Undo all of it" }).waitFor();
    await press(page, "Undo all of it");
    await page.getByRole("alertdialog").waitFor();
    await page.keyboard.press("Tab");
    await press(page, "Undo all of it");
    await page.getByRole("heading", { name: "Take back" }).waitFor();
    await work();
    await page.getByText(/ of \d+ cards/).waitFor();
  });

  test("what is filtered is saved as a segment", async () => {
    const page = await member("/console/cards?rule=visits.over.7");
    await press(page, "Save as segment");
    await page.waitForURL(/segments\/new/);
    await write(page, "Name", "Saved by keys");
    await press(page, "Save segment");
    await page.getByText("Segment saved.").waitFor();
  });
});

describe("a message", () => {
  test("is written, scheduled by the number of its recipients, and cancelled", async () => {
    const page = await member(`/console/messages/new?to=card&cards=${CARD}`);
    await reach(page, "Text");
    await page.keyboard.type("New beans have come");
    const at = page.locator("#at");
    for (let tabs = 0; tabs < 40 && !(await at.evaluate((field) => field === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
    await page.keyboard.type(typedDay(60));
    await page.keyboard.press("ArrowRight");
    await page.keyboard.type("1000AM");
    await press(page, "Save and");
    await page.locator("#confirm").waitFor();
    const confirm = page.locator("#confirm");
    for (let tabs = 0; tabs < 60 && !(await confirm.evaluate((field) => field === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
    await page.keyboard.type("1");
    await page.keyboard.press("Enter");
    await page.locator(".badge", { hasText: "Scheduled" }).waitFor();
    await press(page, /^Cancel/);
    await page.locator(".badge", { hasText: "Cancelled" }).waitFor();
  });
});

describe("an import", () => {
  test("goes through its four steps", async () => {
    const page = await member("/console/tools");
    await press(page, "Import customers");
    await page.waitForURL("**/console/tools/import");
    const chooser = page.waitForEvent("filechooser");
    await reach(page, "File");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles({ name: "keys.csv", mimeType: "text/csv", buffer: Buffer.from("name,email\nKeya,keya@keys.example\n") });
    await press(page, "Upload and look at it");
    await page.getByRole("heading", { name: "What does each column mean?" }).waitFor();
    await press(page, "Start dry run");
    await page.getByRole("heading", { name: "This is what the import would do" }).waitFor();
    await press(page, "Import 1 row");
    await page.getByRole("heading", { name: "Imported" }).waitFor();
  });
});

describe("keys", () => {
  test("the palette and the list of keys give the focus back, and single keys can be switched off", async () => {
    const page = await member("/console/segments");
    await reach(page, "Messages");
    await page.keyboard.press("Control+k");
    await hasFocus(page, "#palette-find");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "Messages");
    await page.keyboard.press("?");
    await dialog(page).waitFor();
    await reach(page, "Use single keys");
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "Messages");
    await page.keyboard.press("?");
    assert.equal(await dialog(page).count(), 0);
    await page.keyboard.press("Control+k");
    await hasFocus(page, "#palette-find");
    await page.keyboard.type("jobs");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/console/jobs");
  });

  test("Tab goes through a page and comes out of it again, and stays within a dialog", async () => {
    const page = await member("/console/cards?size=25");
    const seen = new Set();
    let round = false;
    for (let tabs = 0; tabs < 250 && !round; tabs += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => [...document.querySelectorAll("*")].indexOf(document.activeElement));
      round = seen.has(at);
      seen.add(at);
    }
    assert.ok(round, "the focus comes round");
    assert.ok(seen.size > 60, "and has been everywhere");
    await page.getByRole("link", { name: "Add a customer" }).press("Enter");
    await dialog(page).waitFor();
    for (let tabs = 0; tabs < 40; tabs += 1) {
      await page.keyboard.press("Tab");
      const inside = await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest("#modal")));
      assert.ok(inside, "what lies behind a dialog is not reached");
    }
  });
});
