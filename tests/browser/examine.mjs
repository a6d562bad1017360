// What every page must stand: axe, narrow windows and great letters, the other direction, keys, and forced colours.
import assert from "node:assert/strict";
import axe from "axe-core";

// Only what is wrong is described: describing the rest takes most of the time.
const settings = { rules: { "target-size": { enabled: true } }, resultTypes: ["violations"], selectors: false };

// axe over the page, or over a part of it.
export async function axeFinds(page, part) {
  // The policy of the page allows no foreign script; the debugger's own world is not the page's.
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(([part, settings]) => window.axe.run(part ?? document, settings), [part, settings]);
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html} ${node.any[0]?.message ?? ""}`));
}

// Text and controls that are cut off, or push the page beyond its window. What lies in something that scrolls by itself
// can be reached; what says its whole text elsewhere (`title`) may be shortened.
export const cutOff = (page) =>
  page.evaluate(() => {
    const found = [];
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`);
    const say = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} “${element.textContent.trim().slice(0, 40)}”`;
    const hidden = (element) => element.closest(".visually-hidden, .skip, template, [hidden], [aria-hidden=true]");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || hidden(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
      if (element.closest("option, script, style, svg")) continue;
      range.selectNodeContents(walker.currentNode);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      let reachable = false;
      for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
        const { overflowX, overflowY, position, clipPath } = getComputedStyle(at);
        if (clipPath !== "none") {
          // Only read out.
          reachable = true;
          break;
        }
        const clips = at.getBoundingClientRect();
        if (["auto", "scroll"].includes(overflowX) || ["auto", "scroll"].includes(overflowY)) {
          reachable = true;
          break;
        }
        if ((overflowX === "hidden" || overflowX === "clip") && (box.right > clips.right + 1 || box.left < clips.left - 1) && !at.title) {
          found.push(`cut off by ${say(at)}: ${say(element)}`);
          break;
        }
        if (position === "fixed") break;
      }
      if (!reachable && (box.right > clientWidth + 1 || box.left < -1)) found.push(`outside of the window: ${say(element)}`);
    }
    return [...new Set(found)];
  });

// Everything that takes the focus shows that it has it, and the order is the document's.
export const unseenFocus = async (page, part = "body") => {
  // Focus that a script moves shows as it did where it came from: it came from the keyboard.
  await page.keyboard.press("Tab");
  return page.evaluate((part) => {
    const before = document.activeElement;
    const found = [];
    const fields = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable]";
    const shows = (element, pseudo) => {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element, pseudo);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 && !/(, 0\)|transparent)$/.test(outlineColor);
    };
    for (const element of document.querySelector(part).querySelectorAll(fields)) {
      if (element.tabIndex > 0) found.push(`has an order of its own: ${element.outerHTML.slice(0, 120)}`);
      if (element.tabIndex < 0 || element.disabled || !element.checkVisibility({ visibilityProperty: true })) continue;
      element.focus({ preventScroll: true });
      if (document.activeElement !== element) continue;
      let around = element.parentElement;
      while (around && !shows(around)) around = around.parentElement;
      if (!shows(element) && !shows(element, "::after") && !around) found.push(`its focus is not seen: ${element.outerHTML.slice(0, 120)}`);
    }
    before?.focus?.({ preventScroll: true });
    // What shows only while it has the focus goes again.
    if (before?.matches(".skip")) before.blur();
    return found;
  }, part);
};

// Without motion nothing moves.
export const moving = (page) =>
  page.evaluate(() => document.getAnimations().map((each) => `${each.animationName ?? each.transitionProperty} of ${each.effect.target.outerHTML.slice(0, 80)}`));

// All of it, in both themes and all sizes. The page comes and goes as it was: light, and as wide as a desktop.
export async function examine(page, { wide = false } = {}) {
  const problems = [];
  const note = (where, found) => problems.push(...found.map((each) => `${where}: ${each}`));
  const sized = (width) => page.setViewportSize({ width, height: width < 700 ? 780 : 900 });
  const themed = (colorScheme) => page.emulateMedia({ colorScheme });
  note("light, 1280 px", await axeFinds(page));
  note("1280 px", await cutOff(page));
  note("keys", await unseenFocus(page));
  note("without motion", await moving(page));
  await themed("dark");
  note("dark, 1280 px", await axeFinds(page));
  if (!wide) {
    // A window of 1280 px at 200 % has room for 640.
    await sized(640);
    note("640 px", await cutOff(page));
    await sized(360);
    note("360 px", await cutOff(page));
    note("dark, 360 px", await axeFinds(page));
    await themed("light");
    note("light, 360 px", await axeFinds(page));
  }
  await page.evaluate(() => document.documentElement.setAttribute("dir", "rtl"));
  note("right to left", await cutOff(page));
  await sized(1280);
  note("right to left, 1280 px", await cutOff(page));
  await page.evaluate(() => document.documentElement.removeAttribute("dir"));
  await themed("light");
  return problems;
}

export async function check(page, name, options) {
  assert.deepEqual(await examine(page, options), [], name);
}
