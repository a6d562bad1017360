// Takes screenshots of the pages for customers: node join.screens.mjs <base url> <folder>
import { mkdir } from "node:fs/promises";
import { launch } from "./browser.mjs";

const [base, folder] = process.argv.slice(2);
const { JOIN, WITH_CODE, REFERRAL, HOLDER } = process.env;
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await launch();
let number = 0;
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ baseURL: base, viewport, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const take = (name) => page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    await page.goto(REFERRAL);
    await take("join");
    await page.locator("#first_name").fill("  ");
    await page.locator("#email").fill("ada@screens.example");
    await page.locator("button[type=submit]").click();
    await page.locator(".problem").waitFor();
    await take("join-refused");
    await page.locator("#first_name").fill("Ada");
    await page.locator("#email").fill(`ada${(number += 1)}@screens.example`);
    await page.locator("button[type=submit]").click();
    await page.locator(".told").waitFor();
    await take("join-done");
    await page.goto(JOIN);
    await page.locator("#first_name").fill("Mallory");
    await page.locator("#email").fill("ada1@screens.example");
    await page.locator("button[type=submit]").click();
    await page.locator("h1").waitFor();
    await take("join-known");
    await page.goto(WITH_CODE);
    await take("join-with-code");
    await page.goto(HOLDER);
    await page.locator("summary").click();
    const link = page.getByRole("button", { name: "Get my link" });
    if (await link.count()) await link.click();
    await page.getByLabel("Your link for friends").waitFor();
    await take("holder");
    await context.close();
  }
}
const context = await browser.newContext({ baseURL: base, locale: "de-DE", viewport: sizes.phone });
const page = await context.newPage();
await page.goto(JOIN);
await page.screenshot({ path: `${folder}/join-german-phone-light.png`, fullPage: true });
await page.goto(HOLDER);
await page.screenshot({ path: `${folder}/holder-german-phone-light.png`, fullPage: true });
await browser.close();
