// Writing a message in headless Chromium: how it looks and whom it reaches stand there before anything is saved.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import axe from "axe-core";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, OWNER, PASSWORD } = process.env;
const NEW = "/console/messages/new";

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

const ahead = (page) => page.locator("#ahead");
// How many cards there are, as the choice of all of them says.
const everybody = async (page) => (await page.locator('#to option[value="built_in:all"]').textContent()).match(/\d+/)[0];

describe("before anything is saved", () => {
  test("lock screens and lengths follow what is typed", async () => {
    const page = await owner(NEW);
    const screens = page.getByRole("group", { name: "On the lock screen" });
    await page.getByLabel("Text", { exact: true }).fill("Two for one");
    await page.getByLabel(/^Title/).fill("Today");
    assert.equal(await screens.getByText("Two for one").count(), 2, "Apple's and Google's");
    assert.equal(await screens.getByText("Today").count(), 1, "Apple's shows no title");
    const long = "x".repeat(200);
    await page.getByLabel("Text", { exact: true }).fill(long);
    const apple = screens.getByRole("figure", { name: "Apple lock screen" });
    assert.equal(await apple.getByText(`${"x".repeat(178)}…`, { exact: true }).count(), 1, "what a small phone cuts is cut here");
    assert.match(await page.locator("#text-length").innerText(), /Apple lock screen: 200 \/ 178/);
    assert.equal((await page.request.get("/console/messages").then((answer) => answer.text())).includes("xxxx"), false);
  });

  test("whom it reaches follows the choice, in numbers and with the reasons", async () => {
    const page = await owner(NEW);
    await page.getByLabel("Text", { exact: true }).fill("Soup of the day");
    await page.getByLabel("To", { exact: true }).selectOption("built_in:all");
    const all = await everybody(page);
    await ahead(page).getByText(new RegExp(`^${all} cards, \\d+ of ${all} can be reached by push now$`)).waitFor();
    await ahead(page).getByText(/at once/).first().waitFor();
    await ahead(page).getByText(/Not sent: the holder has not agreed to this/).waitFor();
    const club = await page.locator("#to option", { hasText: "Lunch club" }).getAttribute("value");
    await page.getByLabel("To", { exact: true }).selectOption(club);
    await page.waitForFunction((all) => !document.querySelector("#ahead").innerText.includes(`${all} cards`), all);
    await page.getByLabel("About").selectOption("reward");
    await page.waitForFunction(() => !document.querySelector("#ahead").innerText.includes("has not agreed"));
  });

  test("a rule is said in words, and its text is for who opens it", async () => {
    const page = await owner(`${NEW}?to=rule&rule=visits.over.2`);
    await page.getByText("Visits over 2").waitFor();
    assert.equal(await page.getByLabel("Text of the rule").isVisible(), false);
    await page.getByText("Advanced: the rule as text").click();
    await page.getByLabel("Text of the rule").fill("visits.over.many");
    await ahead(page).getByText(/character 13/).waitFor();
    await page.getByLabel("To", { exact: true }).selectOption("built_in:all");
    await page.getByText("Advanced: the rule as text").waitFor({ state: "hidden" });
  });

  test("ticked customers are named and not numbered", async () => {
    const page = await owner("/console/cards?rule=status.is.installed");
    await page.locator("[data-tick]").first().check();
    await page.locator("[data-tick]").nth(1).check();
    const name = (await page.locator("[data-row]").first().locator(".row-link").innerText()).trim();
    await page.locator("#act[data-offered]").waitFor();
    await page.getByRole("button", { name: "Send message" }).click();
    await page.waitForURL(`**${NEW}**`);
    assert.match(await page.locator("#to option:checked").innerText(), /^Selected in the list \(2\)$/);
    await page.locator(".sample").getByText(name).waitFor();
    await ahead(page).getByText("2 cards").waitFor();
    assert.equal(await page.locator("input[name=cards]").isVisible(), false);
  });
});

test("by keys alone: chosen, written, looked at, confirmed by its number", async () => {
  const page = await owner(NEW);
  const at = async (id) => {
    for (let tabs = 0; tabs < 60; tabs += 1) {
      if (await page.evaluate((id) => document.activeElement?.id === id, id)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`#${id} is reached by Tab`);
  };
  await at("to");
  await page.keyboard.type("Frequent");
  await at("class");
  await page.keyboard.type("Rewards");
  await at("text");
  await page.keyboard.type("Your tenth coffee waits");
  await ahead(page).getByText(/can be reached by push now/).waitFor();
  for (let tabs = 0; tabs < 30; tabs += 1) {
    if (await page.evaluate(() => document.activeElement?.textContent === "Save and make a forecast")) break;
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your tenth coffee waits" }).waitFor();
  const label = await page.locator("label[for=confirm]").innerText();
  const [number] = label.match(/\d[\d,]*/);
  await at("confirm");
  await page.keyboard.type(number.replace(",", ""));
  await page.keyboard.press("Enter");
  await page.getByText("Scheduled").first().waitFor();
});

test("by keys alone: a second language is added, seen while it is typed, and saved by Enter", async () => {
  const page = await owner(NEW);
  const at = async (id) => {
    for (let tabs = 0; tabs < 60; tabs += 1) {
      if (await page.evaluate((id) => document.activeElement?.id === id, id)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`#${id} is reached by Tab`);
  };
  await at("text");
  await page.keyboard.type("Dumplings today");
  await at("another");
  await page.keyboard.type("German");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "title-de");
  assert.equal(await page.locator("#text").inputValue(), "Dumplings today");
  await page.keyboard.type("Heute");
  await at("text-de");
  await page.keyboard.type("Maultaschen");
  const screens = page.getByRole("group", { name: "On the lock screen, in German" });
  assert.equal(await screens.getByText("Maultaschen").count(), 2, "Apple's and Google's");
  assert.equal(await screens.getByText("Heute").count(), 1, "Apple's shows no title");
  assert.match(await page.locator("#text-de-length").innerText(), /Apple lock screen: 11 \/ 178/);
  const first = page.getByRole("group", { name: "On the lock screen", exact: true });
  assert.equal(await first.getByText("Dumplings today").count(), 2, "each language has its own");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "title-de");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Dumplings today" }).waitFor();
  await page.getByRole("heading", { name: "German" }).waitFor();
  assert.equal(await screens.getByText("Maultaschen").count(), 2);
});

test("a language is taken out again, and what is refused is found beside its field", async () => {
  const page = await owner(`${NEW}?to=built_in:all&text=Soup&language=de&text-de=Suppe&language=fr`);
  await page.locator("#text-fr").fill("voir https://example.com");
  await page.getByRole("button", { name: "Save and make a forecast" }).click();
  await page.locator("#text-fr-problem").getByText("Write words only").waitFor();
  await page.getByRole("alert").getByText("French: Write words only").waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "text-fr");
  await page.getByRole("button", { name: "Remove French" }).click();
  await page.locator("#text-fr").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.id === "another");
  assert.equal(await page.locator("#text-de").inputValue(), "Suppe");
});

test("without scripts a language is added by its button", async () => {
  const page = await owner(NEW, { javaScriptEnabled: false });
  await page.locator("#text").fill("Soup of the day");
  await page.locator("#another").selectOption("de");
  await page.getByRole("button", { name: "Add language" }).click();
  await page.locator("#text-de").fill("Suppe des Tages");
  assert.equal(await page.locator("#text").inputValue(), "Soup of the day");
  await page.getByRole("button", { name: "Save and make a forecast" }).click();
  await page.getByText("Suppe des Tages").first().waitFor();
});

test("without scripts a button shows whom it reaches", async () => {
  const page = await owner(NEW, { javaScriptEnabled: false });
  await page.locator("#to").selectOption("built_in:all");
  await page.locator("#text").fill("Soup of the day");
  await page.getByRole("button", { name: "Show whom it reaches" }).click();
  await ahead(page).getByText(new RegExp(`^${await everybody(page)} cards`)).waitFor();
  assert.equal(await page.locator("#text").inputValue(), "Soup of the day");
});

for (const locale of ["en", "de"]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 360, height: 780 }]) {
      test(`axe finds nothing, and nothing is cut off: ${locale}, ${colorScheme}, ${viewport.width} px`, async () => {
        const page = await owner(NEW, { colorScheme, viewport, locale });
        const list = await page.locator("#to option").evaluateAll((options) => options.map((option) => option.value));
        const text = "Donaudampfschifffahrtsgesellschaftskapitänsmütze ".repeat(6);
        const paths = [
          NEW,
          `${NEW}?to=built_in:all&text=${encodeURIComponent(text)}&title=Heute`,
          `${NEW}?to=rule&rule=${encodeURIComponent("all(visits.over.2,last_visit.within.30d,not(email.empty))")}`,
          `${NEW}?to=${list.at(0)}&at=2020-01-01T10:00`,
          `${NEW}?to=built_in:all&text=Soup&title=Today&language=de&title-de=Heute&text-de=${encodeURIComponent(text)}&language=pt-BR&text-pt-BR=Sopa`,
          "/console/messages",
        ];
        for (const path of paths) {
          await page.goto(path);
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
}
