// What holds on every page of the list in pages.mjs. The pages are loaded once with scripts and once without.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { axeFinds, cutOff, examine } from "./examine.mjs";
import { blank, sessionOf } from "./harness.mjs";
import { goTo, noPages, pages, visitors } from "./pages.mjs";
import { set } from "./stage.mjs";

const desktop = { width: 1280, height: 900 };
const plain = (path) => path.split("?")[0].replace(/\/[0-9a-z]{13}(?=\/|$)|\{[a-z]+\}/g, (part) => (part.startsWith("/") ? "/{}" : "{}"));

let stage;
const lasting = [];

async function visitorPages(options) {
  const open = {};
  for (const by of ["owner", "viewer", "nobody"]) {
    const storageState = visitors[by] && (await sessionOf(visitors[by]));
    open[by] = await blank({ lasting: true, viewport: desktop, colorScheme: "light", storageState, ...options });
    lasting.push(open[by]);
  }
  return open;
}

before(async () => {
  const page = await blank({ lasting: true, storageState: await sessionOf(visitors.owner) });
  lasting.push(page);
  stage = await set(page, () => blank({ lasting: true }));
});
after(async () => {
  for (const page of lasting) await page.context().close();
});

test("every address of the console has its page in the list", async () => {
  const lines = (await readFile("../it/console/matrix.txt", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
  const addresses = lines.filter(([method]) => method === "GET").map(([, path]) => plain(path));
  const listed = new Set([...noPages, ...pages.map((each) => plain(new URL(each.path(stage), "http://here").pathname))]);
  // A token in an address is no id.
  const missing = addresses.filter((path) => !listed.has(path) && ![...listed].some((known) => path === known.replace(/\/join\/.+/, "/join/{}")));
  assert.deepEqual(missing, [], "add them to pages.mjs");
});

describe("every page, with scripts", () => {
  let open;
  // Every dialog is opened once, from the first page that has its link.
  const opened = new Set();
  before(async () => (open = await visitorPages({})));

  for (const each of pages) {
    test(each.name, async () => {
      const page = open[each.by];
      await goTo(page, each, stage);
      assert.deepEqual(await examine(page, each), []);
      if (each.by === "owner" && !each.then) await openDialogs(page);
    });
  }

  async function openDialogs(page) {
    const links = await page.locator("main a[data-modal]").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    for (const href of links) {
      const kind = plain(href);
      if (opened.has(kind)) continue;
      opened.add(kind);
      const link = page.locator(`main a[data-modal][href=${JSON.stringify(href)}]`).first();
      const isFolded = await link.evaluate((link) => {
        const folded = link.closest("details:not([open])");
        folded?.querySelector("summary").focus();
        return Boolean(folded);
      });
      if (isFolded) await page.keyboard.press("Enter");
      await link.press("Enter");
      const dialog = page.locator("dialog#modal[open]");
      await dialog.waitFor();
      const problems = [];
      problems.push(...(await axeFinds(page, "#modal")));
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 360, height: 780 });
      problems.push(...(await axeFinds(page, "#modal")), ...(await cutOff(page)));
      await page.setViewportSize(desktop);
      await page.emulateMedia({ colorScheme: "light" });
      const held = await dialog.evaluate((dialog) => dialog.contains(document.activeElement));
      if (!held) problems.push("the focus did not move in");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "hidden" });
      const back = await page.evaluate(() => document.activeElement?.getAttribute("href"));
      if (back !== href) problems.push(`the focus did not come back to its opener but to ${back}`);
      assert.deepEqual(problems, [], `the dialog of ${href}`);
    }
  }
});

describe("every page, without scripts", () => {
  let open;
  before(async () => (open = await visitorPages({ javaScriptEnabled: false })));

  for (const each of pages.filter((each) => !each.scripted && !each.then)) {
    test(each.name, async () => {
      const page = open[each.by];
      await goTo(page, each, stage);
      const dead = await page.evaluate(() => {
        const seen = (element) => element.checkVisibility({ visibilityProperty: true });
        const buttons = [...document.querySelectorAll("button[type=button]:not([popovertarget])")].filter(seen);
        return buttons.map((button) => `does nothing: ${button.outerHTML.slice(0, 120)}`);
      });
      if (each.name !== "styleguide") assert.deepEqual(dead, [], "only the style guide shows buttons for their looks");
      assert.ok((await page.locator("main").innerText()).length > 40, "there is something to read");
      const asks = await page.evaluate(() => {
        const gets = [...document.querySelectorAll("form:not([method=post])")];
        return gets.map((form) => `${form.action.split("?")[0]}?${new URLSearchParams(new FormData(form))}`);
      });
      for (const address of new Set(asks)) {
        const answer = await page.context().request.get(address);
        const says = answer.status() === 400 && (await answer.text()).includes('role="alert"');
        assert.ok(answer.ok() || says, `${address}: ${answer.status()} says nothing that helps`);
      }
    });
  }
});

describe("forced colours", () => {
  test("what is chosen and how far something is can still be seen", async () => {
    const page = await blank({ storageState: await sessionOf(visitors.owner), forcedColors: "active", viewport: desktop });
    await page.goto("/console/cards");
    const differs = (selector, otherwise) =>
      page.evaluate(
        ([selector, otherwise]) => {
          const look = (at) => {
            const { borderTopColor, borderBottomColor, backgroundColor, color, outlineStyle, textDecorationLine } = getComputedStyle(document.querySelector(at));
            return [borderTopColor, borderBottomColor, backgroundColor, color, outlineStyle, textDecorationLine].join();
          };
          return look(selector) !== look(otherwise);
        },
        [selector, otherwise],
      );
    assert.ok(await differs(".side nav a[aria-current]", ".side nav a:not([aria-current])"), "the section");
    assert.ok(await differs(".chip[aria-current]", ".chip:not([aria-current])"), "the segment");
    await page.locator("[data-tick]").first().check();
    assert.ok(await differs("tbody tr:has(:checked)", "tbody tr:not(:has(:checked))"), "the selected row");
    const dots = await page.evaluate(() => {
      const fill = (selector) => getComputedStyle(document.querySelector(selector)).fill;
      return fill(".dots .full") !== fill(".dots .open") && fill(".dots .full") === getComputedStyle(document.body).color;
    });
    assert.ok(dots, "the punches");
  });
});

describe("motion", () => {
  test("is there only for who wants it", async () => {
    const page = await blank({ storageState: await sessionOf(visitors.owner), reducedMotion: "no-preference" });
    await page.goto("/console/cards");
    await page.locator("[data-live-state]:not([hidden])").waitFor();
    assert.ok(await page.evaluate(() => document.getAnimations().length > 0), "the check on every page would see it");
  });
});

describe("names from right to left", () => {
  test("do not turn round the line that they stand in", async () => {
    const page = await blank({ storageState: await sessionOf(visitors.owner), viewport: desktop });
    await page.goto(`${stage.rightToLeft}/end`);
    // In "End X’s card?" the first word stays at the left and the last one at the right of the name.
    const places = await page.evaluate(() => {
      const text = document.querySelector("h1").firstChild;
      const at = (word) => {
        const range = document.createRange();
        const from = text.data.indexOf(word);
        range.setStart(text, from);
        range.setEnd(text, from + word.length);
        return range.getBoundingClientRect();
      };
      return [at("End").left, at("محمد").left, at("card").left];
    });
    assert.deepEqual(places.toSorted((a, b) => a - b), places);
  });
});

describe("loading", () => {
  for (const [name, path] of [
    ["list", () => "/console/cards"],
    ["profile", () => `/console/cards/${process.env.CARD}`],
    ["message", () => stage.sent],
    ["import", () => stage.imported],
  ]) {
    test(`${name}: nothing moves after the first paint`, async () => {
      const page = await blank({ storageState: await sessionOf(visitors.owner), viewport: desktop });
      // What happens in the shop meanwhile moves a live page, rightly: it is held back while the loading is watched.
      await page.route(/\/(live|events)(\?|$)/, () => {});
      await page.goto(path());
      const { paint, shift, moved } = await page.evaluate(
        () =>
          new Promise((resolve) => {
            let shift = 0;
            const moved = [];
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries().filter((entry) => !entry.hadRecentInput)) {
                shift += entry.value;
                for (const { node } of entry.sources) moved.push((node?.parentElement ?? document.body).outerHTML.slice(0, 200));
              }
            }).observe({ type: "layout-shift", buffered: true });
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) {
                if (entry.name === "first-contentful-paint") setTimeout(() => resolve({ paint: entry.startTime, shift, moved }), 400);
              }
            }).observe({ type: "paint", buffered: true });
          }),
      );
      // Printed and not asserted: a busy machine proves nothing about a page.
      console.log(`figure console.first_paint_${name}_ms ${paint.toFixed(0)} ms`);
      console.log(`figure console.layout_shift_${name} ${shift.toFixed(4)} score`);
      assert.equal(shift, 0, moved.join("\n"));
    });
  }

  test("nothing is painted while a part of the page is still on its way", async () => {
    const path = "/console/cards";
    // Between the browser and the gateway: gives the page to the middle of its table, and the rest when it is told to.
    let rest;
    const middle = createServer(async (request, response) => {
      const answer = await fetch(process.env.BASE_URL + request.url, { headers: { cookie: request.headers.cookie ?? "", accept: "text/html" } });
      const body = Buffer.from(await answer.arrayBuffer());
      const half = request.url === path ? body.indexOf("</tr>", body.length / 2) : body.length;
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") });
      response.write(body.subarray(0, half));
      if (half === body.length) response.end();
      else rest = () => response.end(body.subarray(half));
    });
    await new Promise((resolve) => middle.listen(0, "127.0.0.1", resolve));
    try {
      const storageState = await sessionOf(visitors.owner);
      const page = await blank({ storageState, viewport: desktop, baseURL: `http://127.0.0.1:${middle.address().port}` });
      await page.route(/\/(live|events)(\?|$)/, () => {});
      await page.goto(path, { waitUntil: "commit" });
      await page.locator("tbody tr").first().waitFor({ state: "attached" });
      const painted = () => page.evaluate(() => performance.getEntriesByType("paint").length);
      // Frames that would be painted, if there was anything to paint.
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
      assert.equal(await painted(), 0, "half of a table");
      rest();
      await page.waitForFunction(() => performance.getEntriesByType("paint").length > 0);
    } finally {
      middle.closeAllConnections();
      middle.close();
    }
  });
});
