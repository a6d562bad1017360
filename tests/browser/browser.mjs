// What everything in a browser needs: Debian's Chromium, and a way in.
import { chromium } from "playwright-core";

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Root in a container has no user namespaces for Chromium's own sandbox.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

export async function signIn(page, email, password) {
  await page.goto("/console/sign-in");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/console/cards");
}

// Sends the form of a page as it stands there, with some fields filled in, and answers with where that led to.
export const submit = (page, path, fields = {}, which = "#content form[method=post]") =>
  page.evaluate(
    async ([path, fields, which]) => {
      const answer = await fetch(path);
      const form = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(which);
      if (!form) throw new Error(`no form ${which} at ${path}, which answered ${answer.status}`);
      const data = new FormData(form);
      for (const [name, value] of Object.entries(fields)) data.set(name, value?.file ? new File([value.file], value.name) : value);
      const body = form.getAttribute("enctype") ? data : new URLSearchParams(data);
      const led = await fetch(form.getAttribute("action") ?? path, { method: "POST", body, headers: { accept: "text/html" } });
      const text = await led.text();
      const { pathname } = new URL(led.url);
      if (!led.ok) throw new Error(`${path}: ${led.status}: ${new DOMParser().parseFromString(text, "text/html").body.innerText}`);
      return { path: pathname, text };
    },
    [path, fields, which],
  );
