// Takes a picture of every page of the list in pages.mjs: node screens.mjs <folder>, with the environment of the specs.
// Each is taken in both themes, on a desktop and on a phone.
import { mkdir } from "node:fs/promises";
import { launch, signIn } from "./browser.mjs";
import { goTo, pages, visitors } from "./pages.mjs";
import { set } from "./stage.mjs";

const [folder] = process.argv.slice(2);
const { BASE_URL, PASSWORD, ONLY } = process.env;
// Of a long list its begin is enough.
const LONGEST = 2400;
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await launch();
const blank = async (options) => (await browser.newContext({ baseURL: BASE_URL, reducedMotion: "reduce", ...options })).newPage();
const storage = {};
for (const [by, email] of Object.entries(visitors)) {
  const page = await blank();
  await signIn(page, email, PASSWORD);
  storage[by] = await page.context().storageState();
  await page.context().close();
}
const stage = await set(await blank({ storageState: storage.owner }), blank);
for (const [size, viewport] of Object.entries(sizes)) {
  const open = {};
  for (const by of ["owner", "viewer", "nobody"]) open[by] = await blank({ viewport, storageState: storage[by] });
  for (const each of pages) {
    if ((each.wide && size === "phone") || (ONLY && !ONLY.split(",").some((name) => each.name.startsWith(name)))) continue;
    const page = open[each.by];
    await goTo(page, each, stage);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const height = await page.evaluate((most) => Math.min(document.documentElement.scrollHeight, most), LONGEST);
      const path = `${folder}/${each.name}-${size}-${colorScheme}.png`;
      await page.screenshot(each.scripted ? { path } : { path, fullPage: true, clip: { x: 0, y: 0, width: viewport.width, height } });
    }
  }
}
await browser.close();
