// Sets up what the pages of the list show: jobs and messages in each state, uploads, a batch of codes, people. Called by a
// page of the owner; answers with addresses. Everything is done through forms of the console.
import { submit } from "./browser.mjs";
import { otp } from "./otp.mjs";

const { CONTROL_URL, CARD, PASSWORD } = process.env;
// A moment so many days from now, as fields of forms hold it.
const soon = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);
const work = () => fetch(`${CONTROL_URL}/work`, { method: "POST" });
const csv = `Vorname;E-Mail;Stempel;Notiz
Jörg;joerg@mail.example;3;mag Hafermilch
Kim;kim at mail;2;
A very long name, and it has no end;and another thing that is no address;99999999;
Ada;ada@mail.example;1;kommt aus Pankow
`;

export async function set(page, blank) {
  await page.goto("/console/cards?sort=name&size=25");
  const rows = await page.locator("[data-tick]").evaluateAll((ticks) => ticks.map((tick) => tick.value));
  const stage = { cards: rows.slice(0, 3).join(".") };

  // Customers
  const added = (fields) => submit(page, "/console/customers/new", fields);
  stage.customer = (await added({ first_name: "Only", last_name: "A. Name", email: "only@mail.example" })).path;
  const found = async (text) => {
    await page.goto(`/console/cards?find=${encodeURIComponent(text)}`);
    return new URL(await page.locator(".row-link").first().getAttribute("href"), page.url()).pathname;
  };
  stage.rightToLeft = await found("محمد");
  await submit(page, `${stage.rightToLeft}/notes`, { text: "يفضل القهوة بدون سكر, twice, אוהבת שוקולד" }, "form.note-form");
  await submit(page, `/console/cards/${CARD}/notes`, { text: "Prefers oat milk" }, "form.note-form");
  stage.ended = await found("נועה");
  await submit(page, `${stage.ended}/end`);

  // Segments
  await submit(page, "/console/segments/new?in=rule%3Dvisits.over.2", { name: "Regulars of the terrace", shared: "yes" });
  await page.goto("/console/segments");
  stage.segment = new URL(await page.locator('main a[href$="/edit"]').first().getAttribute("href"), page.url()).pathname.replace(/\/edit$/, "");

  // Jobs
  const job = async (reason) => {
    const preview = await page.evaluate(
      async ([cards]) => (await fetch("/console/jobs/preview", { method: "POST", body: new URLSearchParams({ do: "add_punches", in: "", cards }), headers: { accept: "text/html" } })).text(),
      [stage.cards],
    );
    return (await page.evaluate(
      async ([preview, reason]) => {
        const form = new DOMParser().parseFromString(preview, "text/html").querySelector("form[action='/console/jobs']");
        const data = new FormData(form);
        data.set("amount", "1");
        data.set("reason", reason);
        const led = await fetch("/console/jobs", { method: "POST", body: new URLSearchParams(data), headers: { accept: "text/html" } });
        return new URL(led.url).pathname;
      },
      [preview, reason],
    ));
  };
  stage.done = await job("A rainy day");
  await work();

  // Messages
  const message = (fields) => submit(page, "/console/messages/new", { text: "Fresh cake from three o'clock", class: "reward", to: "card", cards: CARD, ...fields });
  const confirm = (path) => submit(page, path, { confirm: "1" }, 'form[action$="/send"]');
  stage.draft = (await message({ title: "Café Morgenrot", text: "Tell us what you think of the new oven: we read every word that you send.", language: "de", "title-de": "Neuer Ofen", "text-de": "Sagen Sie uns, was Sie vom neuen Ofen halten: Wir lesen jedes Wort." })).path;
  stage.sent = (await message({})).path;
  await confirm(stage.sent);
  await work();
  stage.scheduled = (await message({ at: soon(60) })).path;
  await confirm(stage.scheduled);
  stage.cancelled = (await message({ text: "Closed on Monday", at: soon(90) })).path;
  await confirm(stage.cancelled);
  await submit(page, stage.cancelled, {}, 'form[action$="/cancel"]');
  stage.push = (await submit(page, `/console/cards/${CARD}/push`, { text: "Fresh cake", class: "reward" })).path;

  // Imports
  const upload = async (name) => (await submit(page, "/console/tools/import", { program: "0000000000001", file: { file: csv, name } })).path;
  const arrives = async (path, text) => {
    await page.goto(path);
    await page.getByRole("heading", { name: text }).waitFor();
    return path;
  };
  stage.columns = await upload("kunden.csv");
  stage.dryRun = await upload("neue kunden.csv");
  await submit(page, stage.dryRun, {}, 'form[action$="/columns"]');
  stage.imported = await upload("alte kunden.csv");
  await submit(page, stage.imported, {}, 'form[action$="/columns"]');
  await arrives(stage.dryRun, "This is what the import would do");
  await arrives(stage.imported, "This is what the import would do");
  await submit(page, stage.imported, {}, 'form[action$="/run"]');
  await arrives(stage.imported, "Imported");

  // Codes
  const batch = await submit(page, "/console/tools/codes/new", { label: "Postcards at the market", program: "0000000000001", count: "12" });
  stage.batch = batch.path;
  await work();

  // Members
  const invited = async (email, role) => {
    const { text } = await submit(page, "/console/settings", { email, role }, 'form[action$="/members/invite"]');
    return text.match(/\/console\/join\/[0-9A-Za-z_.-]+/)[0];
  };
  stage.join = await invited("edda@mail.example", "editor");
  const email = "carla@mail.example";
  stage.careful = await careful(blank, await invited(email, "editor"), email);
  await page.goto("/console/settings");
  stage.remove = new URL(await page.locator('main a[href$="/remove"]').first().getAttribute("href"), page.url()).pathname;

  // Last, so that it stays open.
  stage.running = await job("Opening day");
  return stage;
}

// Lets somebody in by an invitation, with a second factor; answers with what signing in takes.
export async function careful(blank, join, email) {
  const page = await blank();
  await page.goto(join);
  await submit(page, join, { name: "Carla Careful", password: PASSWORD }, "form");
  await submit(page, "/console/sign-in", { email, password: PASSWORD }, "form");
  const path = "/console/settings/account/second-factor";
  const secret = await page.evaluate(async (path) => {
    const text = await (await fetch(path)).text();
    return new DOMParser().parseFromString(text, "text/html").querySelector("input[name=secret]").value;
  }, path);
  await submit(page, path, { secret, code: otp(secret) });
  await page.context().close();
  return { email, password: PASSWORD, secret };
}
