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
  "filter-birthday": "/console/cards/filter?field=birthday",
  messages: "/console/messages",
  "message-new": "/console/messages/new",
  tools: "/console/tools",
  import: "/console/tools/import",
  export: "/console/tools/export",
  codes: "/console/tools/codes",
  invitations: "/console/tools/invitations",
  share: "/console/tools/share",
  "share-program": "/console/tools/share/0000000000001?utm_source=window",
  "share-poster": "/console/tools/share/0000000000001/poster",
  settings: "/console/settings",
  account: "/console/settings/account",
  "second-factor": "/console/settings/account/second-factor",
  styleguide: "/console/styleguide",
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
    const card = new URL(page.url()).pathname;
    for (const part of ["information", "card", "timeline", "feedback", "notes", "notifications", "balance", "push", "end"]) {
      await page.goto(`${card}/${part}`);
      await take(`card-${part}`);
    }
    await page.goto("/console/customers/new");
    await take("customer-new");
    await context.close();
  }
}
await browser.close();
