// The list of customers, acting on many, and segments, in headless Chromium. Started as console.test.mjs is.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { happen, member, work } from "./harness.mjs";

const { OWNER, PASSWORD } = process.env;
const open = (path, options = {}) => member(path, { viewport: { width: 1440, height: 900 }, ...options });
const names = (page) => page.locator(".row-link").allInnerTexts();
const settled = (page) => page.waitForFunction(() => !document.querySelector("#list[aria-busy]"));

describe("finding", () => {
  test("the list follows what is typed, Esc clears it, and the address says it", async () => {
    const page = await open("/console/cards");
    const all = await page.locator("#total").innerText();
    await page.keyboard.press("/");
    await page.keyboard.type("marta");
    await page.waitForURL(/find=marta/);
    await page.waitForFunction(() => [...document.querySelectorAll(".row-link")].every((link) => link.innerText.startsWith("Marta")));
    assert.equal(await page.locator("#find-text").evaluate((field) => field === document.activeElement), true, "typing goes on");
    await page.reload();
    assert.equal(await page.locator("#find-text").inputValue(), "marta");
    await page.locator("#find-text").focus();
    await page.keyboard.press("Escape");
    await page.waitForFunction((text) => document.querySelector("#total").innerText === text, all);
    assert.doesNotMatch(page.url(), /find=/);
  });

  test("a filter is added in a dialog with keys alone, is a chip, and goes with Esc", async () => {
    const page = await open("/console/cards");
    await page.locator(".chip.add").focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog[open] .field-list").waitFor();
    await page.locator("dialog[open]").getByRole("link", { name: "Visits", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog[open] [data-comparison]").waitFor();
    await page.locator("dialog[open] [data-comparison]").selectOption("over");
    assert.equal(await page.locator("dialog[open] #from").isVisible(), false, "only what the comparison needs is asked");
    await page.locator("dialog[open] #value").focus();
    await page.keyboard.type("many");
    await page.keyboard.press("Enter");
    await page.locator("dialog[open] [role=alert]").waitFor();
    await page.locator("dialog[open] #value").fill("5");
    await page.keyboard.press("Enter");
    await page.waitForURL(/rule=visits.over.5/);
    await page.getByRole("link", { name: "Remove the filter: Visits over 5" }).waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector(".chip.removable"));
    assert.doesNotMatch(page.url(), /rule=/);
  });

  test("sorting says so, and Back brings the list as it was", async () => {
    const page = await open("/console/cards");
    const before = await names(page);
    await page.locator("th").getByRole("link", { name: "Visits" }).click();
    await page.locator('th[aria-sort="descending"]', { hasText: "Visits" }).waitFor();
    await page.locator("th").getByRole("link", { name: "Visits" }).click();
    await page.locator('th[aria-sort="ascending"]', { hasText: "Visits" }).waitFor();
    await page.goBack();
    await page.locator('th[aria-sort="descending"]', { hasText: "Visits" }).waitFor();
    await page.goBack();
    await page.locator('th[aria-sort="descending"]', { hasText: "Created" }).waitFor();
    assert.deepEqual(await names(page), before);
  });

  test("counts and rows of an open page move with a punch elsewhere, within two seconds and without a reload", async () => {
    const page = await open("/console/cards?sort=name&size=100&rule=visits.over.0");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (window.kept = true));
    const row = page.locator("tr[data-row]").first();
    const id = await row.getAttribute("id");
    const visits = Number(await row.locator('[data-column="visits"]').innerText());
    const number = await page.evaluate((id) => {
      const letters = "0123456789abcdefghjkmnpqrstvwxyz";
      const value = [...id.slice(4)].reduce((sum, letter) => sum * 32n + BigInt(letters.indexOf(letter)), 0n);
      return Number(value - 4800000000000000000n);
    }, id);
    const started = Date.now();
    await happen(number);
    await page.waitForFunction(
      ([id, count]) => document.querySelector(`#${id} [data-column="visits"]`).innerText === String(count),
      [id, visits + 1],
    );
    assert.ok(Date.now() - started < 2_000, "within two seconds");
    assert.equal(await page.evaluate(() => window.kept), true);
  });

  test("rows that would move stay under the pointer, and a quiet line shows them when it is asked", async () => {
    const page = await open("/console/cards?sort=-activity&size=100");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (window.kept = true));
    const before = await names(page);
    // One of the two is not the first of the list.
    await happen(11);
    await happen(12);
    const line = page.locator("#list-news a");
    await line.waitFor();
    assert.deepEqual(await names(page), before, "nothing has moved");
    await line.focus();
    await page.keyboard.press("Enter");
    await page.locator("#list-news a").waitFor({ state: "detached" });
    await settled(page);
    assert.notDeepEqual(await names(page), before);
    assert.equal(await page.evaluate(() => window.kept), true, "only the list was read again");
    assert.equal(await page.evaluate(() => document.activeElement.closest("[data-row]") !== null), true, "the focus is not lost");
    assert.match(page.url(), /sort=-activity/);
  });
});

describe("rows", () => {
  test("keys go through the rows, open the panel, and Esc gives the list back", async () => {
    const page = await open("/console/cards");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const second = await page.locator(".row-link").nth(1).innerText();
    assert.equal(await page.evaluate(() => document.activeElement.innerText), second);
    await page.keyboard.press("x");
    assert.equal(await page.locator("[data-tick]").nth(1).isChecked(), true);
    await page.keyboard.press("Enter");
    await page.locator("#panel:not([hidden]) h1", { hasText: second }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#panel").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.innerText), second);
  });
});

describe("a panel beside the list", () => {
  test("leaves its row marked when the row is drawn anew, and the list's address is the list's when it is closed", async () => {
    const page = await open("/console/cards");
    await page.locator(".row-link").nth(1).click();
    const panel = page.locator("#panel:not([hidden])");
    await panel.locator("h1").waitFor();
    const marked = page.locator("[data-row][data-open] .row-link");
    const address = await marked.getAttribute("href");
    // As a live list does it.
    await page.locator("[data-row][data-open]").evaluate((row) => {
      const fresh = row.cloneNode(true);
      fresh.removeAttribute("data-open");
      const content = document.createDocumentFragment();
      content.append(fresh);
      replace(row, content);
    });
    assert.equal(await marked.getAttribute("href"), address);
    await page.locator("#find-text").fill("marta");
    await page.waitForFunction(() => [...document.querySelectorAll(".row-link")].every((link) => link.innerText.startsWith("Marta")));
    assert.match(page.url(), /console\/cards\/[0-9a-z]{13}/, "the address is the panel's while it is open");
    await page.locator("#panel").focus();
    await page.keyboard.press("Escape");
    await page.locator("#panel").waitFor({ state: "hidden" });
    assert.match(page.url(), /find=marta/);
    await page.reload();
    assert.equal(await page.locator("#find-text").inputValue(), "marta");
  });
});

describe("acting on many", () => {
  test("a selection survives paging and sorting, is forgotten with another filter, and acts once, with keys alone", async () => {
    const page = await open("/console/cards?size=25");
    assert.equal(await page.locator("#act").isVisible(), false);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("2 selected").waitFor();
    await page.getByRole("link", { name: "Next" }).press("Enter");
    await page.waitForURL(/at=/);
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("3 selected").waitFor();
    await page.locator("th").getByRole("link", { name: "Visits" }).press("Enter");
    await page.waitForURL(/sort=/);
    await settled(page);
    await page.getByText("3 selected").waitFor();
    await page.reload();
    await page.getByText("3 selected").waitFor();
    await page.keyboard.press("a");
    assert.equal(await page.evaluate(() => document.activeElement.matches("[data-everything]")), true);
    await page.getByRole("button", { name: /Save as list/ }).waitFor();
    await page.getByRole("button", { name: /Add punches/ }).press("Enter");
    await page.getByText(/of 3 can be given punches/).waitFor();
    await page.locator("#reason").fill("A rainy day");
    await page.keyboard.press("Enter");
    await page.waitForURL(/console\/jobs\/[0-9a-z]{13}/);
    await page.locator(".open-jobs").waitFor();
    await work();
    await page.getByText("3 of 3 cards").waitFor();
    await page.getByRole("link", { name: "Undo all of it" }).press("Enter");
    const question = page.getByRole("alertdialog");
    await question.waitFor();
    await question.getByRole("button", { name: "Undo all of it" }).press("Enter");
    await page.getByRole("heading", { name: "Take back" }).waitFor();
    await work();
    await page.getByText(/ of 3 cards/).waitFor();
    await page.goto("/console/cards");
    assert.equal(await page.locator("#act").isVisible(), false, "what was acted on is done with");
  });

  test("another filter forgets the selection; all that match are selected by the list", async () => {
    const page = await open("/console/cards?segment=ready_to_redeem");
    await page.locator("[data-tick-all]").check();
    const rows = await page.locator("[data-tick]").count();
    await page.getByText(`${rows} selected`).waitFor();
    await page.getByRole("navigation", { name: "Segments" }).getByRole("link", { name: /Frequent/ }).click();
    await page.waitForURL(/frequent/);
    await settled(page);
    await page.waitForFunction(() => document.querySelector("#act").hidden);
    await page.locator("[data-tick]").first().check();
    await page.locator("[data-everything]").check();
    const total = (await page.locator("#total").innerText()).split(" ")[0];
    await page.getByText(`${total} selected`).waitFor();
    assert.equal(await page.locator("[data-tick]").first().isDisabled(), true);
    await page.getByRole("button", { name: "Clear selection" }).click();
    await page.waitForFunction(() => document.querySelector("#act").hidden);
  });
});

describe("long work", () => {
  test("is counted on every page and listed while it goes on, without loading any of them again", async () => {
    const jobs = await open("/console/jobs");
    const settings = await open("/console/settings");
    for (const page of [jobs, settings]) await page.evaluate(() => (window.kept = true));
    // Other work may go on as well.
    const count = () => settings.evaluate(() => Number.parseInt(document.querySelector("#running-work").innerText || "0", 10));
    const before = await count();
    const counts = (many) => settings.waitForFunction((many) => Number.parseInt(document.querySelector("#running-work").innerText || "0", 10) === many, many);
    const page = await open("/console/cards");
    await page.locator("[data-tick]").first().check();
    await page.getByRole("button", { name: /Add punches/ }).click();
    await page.locator("#reason").fill("A sunny day");
    await page.keyboard.press("Enter");
    await page.waitForURL(/console\/jobs\/[0-9a-z]{13}/);
    const path = new URL(page.url()).pathname;
    await counts(before + 1);
    await jobs.locator(`#open-work a[href="${path}"]`).waitFor();
    await work();
    await page.getByText("1 of 1 card").waitFor();
    await settings.waitForFunction((many) => Number.parseInt(document.querySelector("#running-work").innerText || "0", 10) <= many, before);
    await jobs.locator(`#all-work a[href="${path}"]`).waitFor();
    assert.equal(await jobs.locator(`#open-work a[href="${path}"]`).count(), 0);
    for (const page of [jobs, settings]) assert.equal(await page.evaluate(() => window.kept), true);
  });
});

describe("a job", () => {
  for (const how of ["by its stream", "by asking again, where there are no streams"]) {
    test(`is followed ${how}: held, gone on with elsewhere, and done`, async () => {
      const page = await open("/console/cards");
      if (how !== "by its stream") await page.addInitScript(() => delete window.EventSource);
      await page.locator("[data-tick]").first().check();
      await page.getByRole("button", { name: /Add punches/ }).click();
      await page.locator("#reason").fill("A cloudy day");
      await page.keyboard.press("Enter");
      await page.waitForURL(/console\/jobs\/[0-9a-z]{13}/);
      const job = new URL(page.url()).pathname;
      await page.evaluate(() => (window.kept = true));
      const elsewhere = await open(job);
      await elsewhere.getByRole("button", { name: "Pause" }).click();
      await page.locator("#job .badge", { hasText: "Paused" }).waitFor();
      await elsewhere.getByRole("button", { name: "Go on" }).click();
      await page.locator("#job .badge", { hasText: "Running" }).waitFor();
      await work();
      await page.locator("#job .badge", { hasText: "Done" }).first().waitFor();
      assert.equal(await page.evaluate(() => window.kept), true, "without loading the page again");
    });
  }
});

describe("a session that ended while typing, without scripts", () => {
  test("loses nothing: the sign-in page keeps what was typed, and asks before it is sent", async () => {
    const page = await open("/console/cards", { javaScriptEnabled: false });
    await page.locator(".row-link").first().click();
    await page.getByRole("link", { name: "Notes" }).click();
    const notes = page.url();
    await page.locator("#text").fill("Brings <her> own cup\nand a friend");
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Save note" }).click();
    await page.getByText("What you typed is kept").waitFor();
    await page.getByLabel("Email").fill(OWNER);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Brings <her> own cup").waitFor();
    await page.getByRole("button", { name: "Send it now" }).click();
    await page.getByText("Note saved.").waitFor();
    assert.equal(page.url().split("?")[0], notes.split("?")[0]);
    assert.equal(await page.locator(".note-text", { hasText: "Brings <her> own cup" }).count(), 1);
  });
});

describe("segments", () => {
  test("what is filtered is saved with a look at who matches, and deleted after a question", async () => {
    const page = await open("/console/cards?rule=visits.over.5");
    await page.getByRole("link", { name: "Save as segment" }).click();
    await page.locator("#matches").getByText(/can be reached by push now/).waitFor();
    const before = await page.locator("#matches strong").innerText();
    await page.locator("#rule").fill("visits.over.9");
    await page.waitForFunction((text) => document.querySelector("#matches strong")?.innerText !== text, before);
    await page.locator("#name").fill("Guests of the browser");
    await page.getByRole("button", { name: "Save segment" }).click();
    await page.getByText("Segment saved.").waitFor();
    await page.getByText("Visits over 9").waitFor();
    await page.getByRole("link", { name: "Delete" }).first().click();
    const question = page.getByRole("alertdialog");
    await question.getByRole("link", { name: "Keep it" }).waitFor();
    await question.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Segment deleted.").waitFor();
    assert.equal(await page.getByText("Guests of the browser").count(), 0);
  });
});

describe("without scripts", () => {
  test("the list, its filters and its actions are pages", async () => {
    const page = await open("/console/cards?size=25", { javaScriptEnabled: false });
    await page.locator("#find-text").fill("marta");
    await page.getByRole("button", { name: "Search" }).click();
    await page.waitForURL(/find=marta/);
    await page.getByRole("link", { name: "Clear filters" }).click();
    await page.getByRole("link", { name: "Add filter" }).click();
    await page.getByRole("link", { name: "Email", exact: true }).click();
    await page.locator("#comparison").selectOption("has");
    await page.locator("#value").fill("mail");
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.waitForURL(/rule=email.has.mail/);
    await page.locator("[data-tick]").first().check();
    await page.locator("[data-tick]").nth(1).check();
    await page.getByRole("button", { name: "End cards" }).click();
    await page.getByText(/of 2 can be ended/).waitFor();
  });
});
