// Takes the console's screenshots: node screens.mjs <base url> <email> <password> <folder>
import { mkdir } from "node:fs/promises";
import { launch, signIn } from "./browser.mjs";

const [base, email, password, folder] = process.argv.slice(2);
const pages = {
  "cards-filtered": "/console/cards?segment=active&rule=all(any(visits.over.2,email.empty),not(status.is.void))&by=customer",
  "cards-nobody": "/console/cards?find=qqqq",
  filter: "/console/cards/filter",
  "filter-last-visit": "/console/cards/filter?field=last_visit",
  segments: "/console/segments",
  "segment-new": "/console/segments/new?in=rule%3Dvisits.over.2",
  jobs: "/console/jobs",
};
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await launch();
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ baseURL: base, viewport, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const take = (name) => page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png` });
    await page.goto("/console/sign-in");
    await take("sign-in");
    await signIn(page, email, password);
    await take("cards");
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path);
      await page.waitForLoadState("networkidle").catch(() => {});
      await take(name);
    }
    await page.goto("/console/cards?segment=ready_to_redeem");
    await page.locator("[data-tick]").first().check();
    await page.locator("#act[data-offered]").waitFor();
    await take("cards-selected");
    await page.goto("/console/cards?segment=ready_to_redeem");
    await page.locator(".row-link").first().click();
    await page.locator("[data-live-state]").last().waitFor();
    await take("card");
    await context.close();
  }
}
await browser.close();
