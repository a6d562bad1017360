// One browser for all tests of a process, and ways to be somewhere in it. After each test its pages are closed, and what
// the policy refused or a script failed at is complained about.
import assert from "node:assert/strict";
import { after, afterEach } from "node:test";
import { launch, signIn } from "./browser.mjs";

const { BASE_URL, CONTROL_URL, OWNER, PASSWORD } = process.env;

// Begun by whoever needs it first: hooks of several files have no order.
let launched;
let contexts = [];
let complaints = [];
const sessions = {};

after(async () => (await launched)?.close());
afterEach(async () => {
  for (const context of contexts) await context.close();
  contexts = [];
  const found = complaints;
  complaints = [];
  assert.deepEqual(found, [], "nothing is refused by the policy and no script fails");
});

const contextOf = async (options) => (await (launched ??= launch())).newContext({ baseURL: BASE_URL, ...options });

// A page that nothing was loaded into. With `lasting` it stays open until its context is closed by whoever asked for it.
export async function blank({ lasting = false, ...options } = {}) {
  const context = await contextOf({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(60_000);
  if (!lasting) contexts.push(context);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // An answer that is an error on purpose is reported as a failed resource; a broken policy never is.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return page;
}

// The session of a member, made once for all tests.
export async function sessionOf(email) {
  if (!sessions[email]) {
    const context = await contextOf({});
    const page = await context.newPage();
    await signIn(page, email, PASSWORD);
    sessions[email] = await context.storageState();
    await context.close();
  }
  return sessions[email];
}

// A page at an address, seen by a member.
export async function member(path, options = {}, email = OWNER) {
  const page = await blank({ ...options, storageState: await sessionOf(email) });
  await page.goto(path);
  return page;
}

// Something happens to a card at a till.
export const happen = (number) => fetch(`${CONTROL_URL}/happen/${number}`, { method: "POST" });
// Jobs, and messages whose time has come, are worked off.
export const work = () => fetch(`${CONTROL_URL}/work`, { method: "POST" });
