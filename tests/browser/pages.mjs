// Every page of the gateway, in one place: what is looked at by axe, measured, read without scripts, and photographed.
//
// A page is its name, its address (from what stage.mjs set up) and, if need be: who looks (`by`: the owner unless said;
// "nobody" is signed out), its status (200 unless said), what is done to get there (`then`), and whether it only is there
// with scripts (`scripted`). A test holds this list against tests/it/console/matrix.txt, so that no address is forgotten.
const { CARD, COUPON, POINTS, OFFER, CARD_PATH, FRESH_URL } = process.env;

const card = `/console/cards/${CARD}`;
const coupon = `/console/cards/${COUPON}`;
const points = `/console/cards/${POINTS}`;
const tools = "/console/tools";

// Sends a form as a page of ours would, and is where that leads.
const send = (path, fields = {}) => async (page) => {
  const answered = page.waitForNavigation();
  await page.evaluate(
    ([path, fields]) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: path });
      for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      document.body.append(form);
      form.submit();
    },
    [path, fields],
  );
  return answered;
};

const tick = async (page) => {
  await page.locator("[data-tick]").first().check();
  await page.locator("#act[data-offered]").waitFor();
};
const dialog = (page) => page.locator("dialog#modal[open]").waitFor();

export const pages = [
  // Signing in
  ["sign-in", () => "/console/sign-in", { by: "nobody" }],
  ["sign-in-refused", () => "/console/sign-in", { by: "nobody", status: 401, then: () => send("/console/sign-in", { email: "nobody@mail.example", password: "wrong" }) }],
  ["sign-in-code", () => "/console/sign-in", { by: "nobody", then: (s) => send("/console/sign-in", { email: s.careful.email, password: s.careful.password }) }],
  ["first-run", () => `${FRESH_URL}/console/first-run`, { by: "nobody" }],
  ["member-join", (s) => s.join, { by: "nobody" }],
  ["member-join-spent", () => "/console/join/0000000000009", { by: "nobody", status: 404 }],
  ["not-found", () => "/console/nowhere", { by: "nobody", status: 404 }],
  ["not-allowed", () => "/console/messages/new", { by: "viewer", status: 403 }],

  // Customers
  ["cards", () => "/console/cards"],
  ["cards-by-customer", () => "/console/cards?by=customer&sort=-visits&size=25"],
  ["cards-filtered", () => "/console/cards?segment=active&rule=all(any(visits.over.2,email.empty),not(status.is.void))&by=customer"],
  ["cards-nobody", () => "/console/cards?find=qqqq"],
  ["cards-past-end", () => "/console/cards?at=zzz", { status: 400 }],
  ["cards-wrong", () => "/console/cards?rule=visits.over.many", { status: 400 }],
  ["cards-selected", () => "/console/cards?segment=ready_to_redeem", { then: () => tick, scripted: true }],
  ["cards-columns", () => "/console/cards", { then: () => (page) => page.locator(".list-bar details > summary").click(), scripted: true }],
  ["cards-viewer", () => "/console/cards", { by: "viewer" }],
  ["cards-panel", () => "/console/cards?segment=ready_to_redeem", {
    scripted: true,
    wide: true,
    then: () => async (page) => {
      await page.locator(".row-link").first().click();
      await page.locator("#panel:not([hidden]) [data-live-state]:not([hidden])").waitFor();
    },
  }],
  ["filter", () => "/console/cards/filter"],
  ["filter-last-visit", () => "/console/cards/filter?field=last_visit"],
  ["filter-status", () => "/console/cards/filter?field=status"],
  ["filter-birthday", () => "/console/cards/filter?field=birthday"],
  ["filter-wrong", () => "/console/cards/filter/add?field=visits&comparison=over&value=many", { status: 400 }],
  ["export", () => "/console/cards/export?segment=ready_to_redeem"],
  ["customer-new", () => "/console/customers/new"],
  ["customer-known", () => "/console/customers/new", { status: 409, then: () => send("/console/customers/new", { first_name: "Marta", email: "marta1@mail.example" }) }],
  ["customer-without-card", (s) => s.customer],
  ["customer-edit", (s) => `${s.customer}/edit`],
  ["customer-erase", (s) => `${s.customer}/erase`],
  ["palette", () => "/console/cards", { scripted: true, then: () => async (page) => {
    await page.keyboard.press("Control+k");
    await page.locator("#palette-find").fill("marta");
    await page.locator("#palette-list small").first().waitFor();
  } }],
  ["keys", () => "/console/cards", { scripted: true, then: () => async (page) => {
    await page.keyboard.press("?");
    await dialog(page);
  } }],
  ["member-menu", () => "/console/cards", { then: () => (page) => page.getByRole("button", { name: /Olga Brandt/ }).click() }],

  // A profile
  ["card", () => card],
  ["card-information", () => `${card}/information`],
  ["card-card", () => `${card}/card`],
  ["card-timeline", () => `${card}/timeline`],
  ["card-timeline-empty", () => `${card}/timeline?type=tier_changed`],
  ["card-offers", () => `${card}/offers`],
  ["offer", () => `/console/offers/${OFFER}`],
  ["card-feedback", () => `${card}/feedback`],
  ["card-notes", () => `${card}/notes`],
  ["card-notifications", () => `${card}/notifications`],
  ["card-redeem", () => `${card}/redeem`],
  ["card-balance", () => `${card}/balance`],
  ["card-balance-refused", () => `${card}/balance`, { status: 400, then: () => async (page) => {
    await page.locator("#number").fill("1.5");
    const answered = page.waitForNavigation();
    await page.evaluate(() => {
      const form = document.querySelector("#number").form;
      form.noValidate = true;
      form.submit();
    });
    return answered;
  } }],
  ["card-expiry", () => `${card}/expiry`],
  ["card-name", () => `${card}/name`],
  ["card-letter", () => `${card}/letter`],
  ["card-push", () => `${card}/push`],
  ["card-push-forecast", (s) => s.push],
  ["card-share", () => `${card}/share`],
  ["card-end", () => `${card}/end`],
  ["card-changed", () => card, { status: 409, then: () => send(`${card}/redeem`, { version: "1", seen: "1" }) }],
  ["card-ended", (s) => s.ended],
  ["card-viewer", () => card, { by: "viewer" }],
  ["card-more", () => card, { then: () => (page) => page.locator("#more-actions > summary").click() }],
  ["coupon", () => coupon],
  ["coupon-redeem", () => `${coupon}/redeem`],
  ["points", () => points],
  ["points-redeem", () => `${points}/redeem`],
  ["points-balance", () => `${points}/balance`],
  ["card-right-to-left", (s) => s.rightToLeft],
  ["card-right-to-left-notes", (s) => `${s.rightToLeft}/notes`],

  // Segments
  ["segments", () => "/console/segments"],
  ["segments-viewer", () => "/console/segments", { by: "viewer" }],
  ["segment-new", () => "/console/segments/new?in=rule%3Dvisits.over.2"],
  ["segment-edit", (s) => `${s.segment}/edit`],
  ["segment-duplicate", (s) => `${s.segment}/duplicate`],
  ["segment-delete", (s) => `${s.segment}/delete`],

  // Jobs
  ["jobs", () => "/console/jobs"],
  ["job-preview", () => "/console/cards?segment=ready_to_redeem", { then: (s) => send("/console/jobs/preview", { do: "add_punches", in: "", cards: s.cards }) }],
  ["job-running", (s) => s.running],
  ["job-done", (s) => s.done],
  ["job-undo", (s) => `${s.done}/undo`],

  // Messages
  ["messages", () => "/console/messages"],
  ["messages-viewer", () => "/console/messages", { by: "viewer" }],
  ["message-new", () => "/console/messages/new"],
  ["message-new-languages", () => "/console/messages/new?to=built_in:all&text=Soup+of+the+day&language=de&title-de=Heute&text-de=Suppe+des+Tages&language=fr"],
  ["message-draft", (s) => s.draft],
  ["message-edit", (s) => `${s.draft}/edit`],
  ["message-scheduled", (s) => s.scheduled],
  ["message-sent", (s) => s.sent],
  ["message-recipients", (s) => `${s.sent}/recipients`],
  ["message-abort", (s) => `${s.sent}/abort`],
  ["message-cancelled", (s) => s.cancelled],
  ["message-moved-on", (s) => s.cancelled, { status: 409, then: (s) => send(`${s.cancelled}/cancel`) }],

  // Tools
  ["tools", () => tools],
  ["tools-viewer", () => tools, { by: "viewer" }],
  ["share", () => `${tools}/share`],
  ["share-program", () => `${tools}/share/0000000000001?utm_source=window`],
  ["share-poster", () => `${tools}/share/0000000000001/poster`],
  ["import", () => `${tools}/import`],
  ["import-columns", (s) => s.columns],
  ["import-dry-run", (s) => s.dryRun],
  ["import-done", (s) => s.imported],
  ["tools-export", () => `${tools}/export`],
  ["codes", () => `${tools}/codes`],
  ["codes-new", () => `${tools}/codes/new`],
  ["codes-use", () => `${tools}/codes/use`],
  ["codes-batch", (s) => s.batch],
  ["codes-sheet", (s) => `${s.batch}/sheet`],
  ["codes-revoke", (s) => `${s.batch}/revoke`],
  ["invitations", () => `${tools}/invitations`],
  ["invitations-answers", () => `${tools}/invitations`, { then: () => send(`${tools}/invitations`, { program: "0000000000002", addresses: "ada@mail.example\nno address" }) }],
  ["invitations-cards", () => `${tools}/invitations/cards?card=${CARD}`],

  // Settings
  ["settings", () => "/console/settings"],
  ["settings-link", () => "/console/settings", { then: () => send("/console/settings/members/invite", { email: "lena@mail.example", role: "editor" }) }],
  ["member-remove", (s) => s.remove],
  ["consents", () => "/console/settings/consents"],
  ["consents-german", () => "/console/settings/consents?language=de"],
  ["consents-preview", () => "/console/settings/consents", { then: () => send("/console/settings/consents/preview", { language: "en", version: "0", marketing: "Morgenrot may write to me about offers." }) }],
  ["consents-refused", () => "/console/settings/consents", { status: 400, then: () => send("/console/settings/consents", { language: "en", version: "0", marketing: "<b>", privacy: "" }) }],
  ["consents-changed", () => "/console/settings/consents", { status: 409, then: () => send("/console/settings/consents", { language: "en", version: "99", marketing: "Morgenrot may write to me about offers." }) }],
  ["account", () => "/console/settings/account"],
  ["second-factor", () => "/console/settings/account/second-factor"],
  ["styleguide", () => "/console/styleguide"],
  ["styleguide-dialog", () => "/console/styleguide/dialog"],

  // What holders see
  ["holder-card", () => CARD_PATH, { by: "nobody" }],
].map(([name, path, rest = {}]) => ({ name, path, by: "owner", status: 200, ...rest }));

// Addresses that are no pages: streams, files, and what the script asks for.
export const noPages = [
  "/console/assets/{}",
  "/console/cards/{}/events",
  "/console/cards/live",
  "/console/find",
  "/console/tools/import/template.csv",
  "/console/tools/import/{}/failed.csv",
  "/console/tools/codes/{}/codes.csv",
  "/console/tools/share/{}/code.svg",
  "/console/tools/share/{}/code.png",
];

// Goes to a page of the list, and checks that it is there.
export async function goTo(page, each, stage) {
  let answer = await page.goto(each.path(stage));
  if (each.then) answer = (await each.then(stage)(page)) ?? answer;
  const status = answer?.status?.() ?? 200;
  if (status !== each.status) throw new Error(`${each.name}: expected ${each.status}; got ${status}: ${await page.locator("body").innerText()}`);
  await page.locator("h1").first().waitFor();
}

// Whom a page is shown to: a context's storage for each kind of visitor.
export const visitors = { owner: process.env.OWNER, viewer: process.env.VIEWER };
