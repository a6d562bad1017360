// Tools in headless Chromium. The Rust test `console::browser` starts the gateway and sets the environment.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { member } from "./harness.mjs";

const { VIEWER, CARD } = process.env;

const file = (name, text) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
const people = (count, more = "") => {
  const rows = Array.from({ length: count }, (_, at) => `Zoë ${at};zoe${at}@browser.example;1`);
  return `Vorname;E-Mail;Stempel\n${rows.join("\n")}\n${more}`;
};
const tallies = (page) => page.locator(".tallies dd").allInnerTexts();
const text = async (download) => readFile(await download.path(), "utf8");

describe("importing", () => {
  test("a file goes through its columns and a dry run; the page may be closed; failed rows come back", async () => {
    const page = await member("/console/tools");
    await page.getByRole("link", { name: "Import customers" }).click();
    await page.getByLabel("Program").first().selectOption({ label: "Coffee card" });
    await page.getByLabel("File", { exact: true }).setInputFiles(file("gäste.csv", people(700, "Kim;kim at mail;1\n")));
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    await page.getByRole("heading", { name: "What does each column mean?" }).waitFor();
    assert.equal(await page.getByLabel("Meaning of E-Mail").inputValue(), "email");
    assert.match(await page.locator("tbody").innerText(), /Zoë 2/);
    await page.getByRole("button", { name: "Start dry run" }).click();
    await page.getByRole("heading", { name: "This is what the import would do" }).waitFor();
    assert.deepEqual(await tallies(page), ["700", "0", "0", "1", "701"]);
    assert.match(await page.locator(".errors tbody").innerText(), /702[^]*E-Mail[^]*kim at mail/);
    const waiting = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download failed rows" }).click();
    assert.match(await text(await waiting), /^\ufeffVorname,E-Mail,Stempel,error\r\nKim,kim at mail,1,line 702/);
    await page.getByRole("button", { name: "Import 700 rows" }).click();
    await page.getByRole("heading", { name: /^Import/ }).waitFor();
    const address = page.url();
    await page.close();

    const later = await member("/console/tools/import");
    await later.getByRole("link", { name: "gäste.csv" }).click();
    assert.equal(later.url(), address);
    await later.getByRole("heading", { name: "Imported" }).waitFor();
    assert.deepEqual(await tallies(later), ["700", "0", "0", "1", "701"]);
    await later.goto("/console/cards?find=zoe699");
    await later.getByRole("link", { name: /Zoë 699/ }).waitFor();
  });

  test("another encoding gets a sentence and can be put right at once", async () => {
    const page = await member("/console/tools/import");
    await page.getByLabel("File", { exact: true }).setInputFiles({ name: "old.csv", mimeType: "text/csv", buffer: Buffer.from("name\nZo\xeb\n", "latin1") });
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    assert.match(await page.getByRole("alert").innerText(), /not text in UTF-8: line 2, byte 8/);
    await page.getByLabel("File", { exact: true }).setInputFiles(file("new.csv", "name\nZoë\n"));
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    await page.getByRole("heading", { name: "What does each column mean?" }).waitFor();
    await page.getByRole("button", { name: "Delete file" }).click();
    await page.getByText("File deleted.").waitFor();
  });

  test("a file of 40 MB hears why it is not taken, and not a broken connection", async () => {
    const page = await member("/console/tools/import");
    await page.getByLabel("File", { exact: true }).setInputFiles(file("large.csv", `name\n${"a\n".repeat(20 << 20)}`));
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    assert.match(await page.getByRole("alert").innerText(), /larger than 32 MB/);
  });

  test("all of it can be done without scripts", async () => {
    const page = await member("/console/tools/import", { javaScriptEnabled: false });
    await page.getByLabel("File", { exact: true }).setInputFiles(file("plain.csv", "email\nplain@browser.example\n"));
    await page.getByRole("button", { name: "Upload and look at it" }).click();
    await page.getByRole("button", { name: "Start dry run" }).click();
    for (let looks = 0; looks < 200 && !(await page.getByRole("button", { name: "Import 1 row" }).count()); looks += 1) await page.reload();
    await page.getByRole("button", { name: "Import 1 row" }).click();
    for (let looks = 0; looks < 200 && !(await page.getByRole("heading", { name: "Imported" }).count()); looks += 1) await page.reload();
    assert.deepEqual(await tallies(page), ["1", "0", "0", "0", "1"]);
  });
});

describe("exporting", () => {
  test("exactly the list leaves, with the columns that are ticked", async () => {
    const page = await member("/console/cards/export?segment=ready_to_redeem&sort=-visits");
    await page.getByLabel("Email").check();
    await page.getByLabel("Serial number of the card").check();
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    const rows = (await text(await waiting)).split("\r\n").slice(0, -1);
    assert.equal(rows[0], "\ufeffemail,serial_number");
    await page.goto("/console/cards?segment=ready_to_redeem&sort=-visits&size=200");
    const links = await page.locator(".row-link").evaluateAll((all) => all.map((link) => link.pathname.split("/")[3]));
    assert.deepEqual(rows.slice(1).map((row) => row.split(",")[1]), links.map((id) => `card-${id}`));
  });
});

describe("codes", () => {
  test("a batch is made, printed, used and withdrawn with the keyboard alone", async () => {
    const page = await member("/console/tools/codes/new");
    const focus = async (name) => {
      for (let tabs = 0; tabs < 80; tabs += 1) {
        const here = await page.evaluate(() => {
          const at = document.activeElement;
          return at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
        });
        if (here.trim().startsWith(name)) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`${name} is not reached`);
    };
    await focus("Name of the batch");
    await page.keyboard.type("Flyers");
    await focus("Program");
    await page.keyboard.type("Coffee");
    await focus("Codes");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("3");
    await focus("Make codes");
    await page.keyboard.press("Enter");
    await page.getByText("Batch made.").waitFor();
    const code = await page.locator("tbody th code").first().innerText();
    await focus("Sheet to print");
    await page.keyboard.press("Enter");
    await page.waitForURL(/sheet$/);
    assert.equal(await page.locator(".slips svg").count(), 3);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("navigation", { name: "Main" }).isVisible(), false);
    await page.emulateMedia({ media: "screen" });
    await page.goBack();

    await page.goto("/console/tools/codes");
    await focus("Use a code");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await page.keyboard.type("nonsense");
    await page.keyboard.press("Enter");
    assert.equal(await dialog.getByRole("alert").count(), 0, "the card is asked for first");
    await focus("Card");
    await page.keyboard.type(CARD);
    await page.keyboard.press("Enter");
    await dialog.getByRole("alert").getByText(/12 characters/).waitFor();
    await dialog.getByLabel("Code", { exact: true }).fill(code);
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/console/cards/${CARD}`));

    await page.goto("/console/tools/codes");
    await page.getByRole("link", { name: "Flyers" }).click();
    assert.match(await page.locator("tbody").innerText(), /1 of 1/);
    await focus("Withdraw…");
    await page.keyboard.press("Enter");
    await page.getByRole("alertdialog").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
    await focus("Withdraw codes");
    await page.keyboard.press("Enter");
    await page.getByText("Codes withdrawn.").waitFor();
  });
});

describe("invitations", () => {
  test("pasted addresses are answered one by one, and a link is copied", async () => {
    const page = await member("/console/tools/invitations", { permissions: ["clipboard-read", "clipboard-write"] });
    await page.getByText("No mail server is set up").waitFor();
    await page.getByLabel("Program").selectOption({ label: "Lunch club" });
    await page.getByLabel("Email addresses").fill("Ada <ada@browser.example>\nnobody");
    await page.getByRole("button", { name: "Send invitations" }).click();
    const answers = page.locator("#answers");
    await answers.waitFor();
    assert.match(await answers.innerText(), /ada@browser\.example[^]*waits to be sent[^]*nobody[^]*no email address/);
    await page.getByRole("button", { name: "Copy the link for ada@browser.example" }).click();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\/card\//);
    await page.getByRole("link", { name: "Send again… ada@browser.example" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("dialog").getByText(/may go in 24 hours/).waitFor();
  });
});

describe("roles", () => {
  test("a viewer is shown what may be shared and no other tool", async () => {
    const page = await member("/console/tools", {}, VIEWER);
    await page.getByRole("heading", { name: "Share a program" }).waitFor();
    assert.equal(await page.locator(".tool").count(), 1);
  });
});
