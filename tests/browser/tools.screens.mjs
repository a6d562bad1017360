// Takes screenshots of the tools: node tools.screens.mjs <base url> <email> <password> <folder>
import { mkdir } from "node:fs/promises";
import { launch, signIn } from "./browser.mjs";

const [base, email, password, folder] = process.argv.slice(2);
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const csv = `Vorname;E-Mail;Stempel;Notiz
Jörg;joerg@mail.example;3;mag Hafermilch
Kim;kim at mail;2;
Ada;ada@mail.example;1;kommt aus Pankow
Marta;marta1@mail.example;;
`;

await mkdir(folder, { recursive: true });
const browser = await launch();
let made = false;
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ baseURL: base, viewport, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const take = (name) => page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png`, fullPage: true });
    await signIn(page, email, password);
    for (const [name, path] of [["tools", ""], ["export", "/export"], ["codes-new", "/codes/new"]]) {
      await page.goto(`/console/tools${path}`);
      await take(name);
    }
    if (!made) {
      await page.getByLabel("Name of the batch").fill("Flyers at the market");
      await page.locator("#program").selectOption({ label: "Coffee card" });
      await page.getByRole("button", { name: "Make codes" }).click();
      await page.locator("tbody tr").first().waitFor();
      made = true;
    }
    await page.goto("/console/tools/codes");
    await take("codes");
    await page.locator(".list a").first().click();
    await page.locator("tbody tr").first().waitFor();
    await take("codes-batch");
    await page.getByRole("link", { name: "Withdraw…" }).click();
    await page.getByRole("alertdialog").waitFor();
    await page.screenshot({ path: `${folder}/codes-revoke-${size}-${colorScheme}.png` });
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Sheet to print" }).click();
    await page.locator(".slips").waitFor();
    await page.screenshot({ path: `${folder}/codes-sheet-${size}-${colorScheme}.png` });
    await page.goto("/console/tools/invitations");
    await page.locator("#program").selectOption({ label: "Lunch club" });
    await page.getByLabel("Email addresses").fill("ada@mail.example\nno address\ngrace@mail.example");
    await page.getByRole("button", { name: "Send invitations" }).click();
    await page.locator("#answers").waitFor();
    await take("invitations");
    await page.goto("/console/tools/import");
    await page.locator("#program").selectOption({ label: "Coffee card" });
    await take("import");
    await page.getByLabel("File", { exact: true }).setInputFiles({ name: "gäste.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    await page.getByRole("button", { name: "Start dry run" }).waitFor();
    await take("import-columns");
    await page.getByRole("button", { name: "Start dry run" }).click();
    await page.locator(".errors").waitFor();
    await take("import-dry-run");
    await page.getByRole("button", { name: /^Import \d/ }).click();
    await page.getByRole("heading", { name: "Imported" }).waitFor();
    await take("import-done");
    await page.goto("/console/tools/import");
    await page.getByLabel("File", { exact: true }).setInputFiles({ name: "alt.csv", mimeType: "text/csv", buffer: Buffer.from("name\nZo\xeb\n", "latin1") });
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    await page.getByRole("alert").waitFor();
    await take("import-refused");
    await context.close();
  }
}
await browser.close();
