// Opens the page that a gate's link leads to in a real browser, signs in, and prints what it shows.
//
//   node details.mjs LINK SETTINGS USER PASSWORD ENDPOINT WANTED   → {"text": …, "findings": […], "complaints": […]}
//
// The browser sees CloudFront, Cognito and the API under their own names; whatever it asks of them is answered by the files of
// console/, by SETTINGS as /config.json, and by the emulated AWS at ENDPOINT. WANTED is the text that ends the waiting.
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

const require = createRequire(join(import.meta.dirname, "../../.venv/node/node_modules/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [link, settings, user, password, endpoint, wanted] = process.argv.slice(2);
const KINDS = { html: "text/html", js: "text/javascript" };
const ANYBODY = { "access-control-allow-origin": "*", "access-control-allow-headers": "*", "access-control-allow-methods": "*" };

function file(path) {
  const named = join(import.meta.dirname, "../../console", path);
  const found = path !== "/" && existsSync(named) ? named : join(import.meta.dirname, "../../console/index.html");
  return { contentType: KINDS[found.split(".").pop()], body: readFileSync(found) };
}

// To the emulated AWS, which tells an API by its host and checks the signature of it, and everything else by its headers.
function forwarded(request, url) {
  const { hostname, port } = new URL(endpoint);
  const { origin, referer, ...headers } = request.headers();
  const options = { hostname, port, method: request.method(), path: url.pathname + url.search, headers: { ...headers, host: url.host } };
  return new Promise((resolve, reject) => {
    const sent = http.request(options, answer => {
      const chunks = [];
      answer.on("data", chunk => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, contentType: "application/json", headers: ANYBODY, body: Buffer.concat(chunks) }));
    });
    sent.on("error", reject);
    sent.end(request.postData() ?? undefined);
  });
}

async function answered(request) {
  const url = new URL(request.url());
  if (url.host !== new URL(link).host) return request.method() === "OPTIONS" ? { status: 204, headers: ANYBODY } : forwarded(request, url);
  return url.pathname === "/config.json" ? { contentType: "application/json", body: settings } : file(url.pathname);
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ bypassCSP: true });
const complaints = [];
page.on("pageerror", error => complaints.push(String(error)));
await page.route("**/*", async route => route.fulfill(await answered(route.request())));
await page.goto(link);
await page.fill("#user", user);
await page.fill("#password", password);
await page.click("#sign-in button");
try {
  await page.getByText(wanted).first().waitFor({ timeout: 20000 });
} catch (error) {
  complaints.push(String(error), await page.locator("#problem").innerText());
}
await page.addScriptTag({ content: axe });
const { violations } = await page.evaluate(() => globalThis.axe.run());
const text = await page.locator("main").innerText();
await browser.close();
console.log(JSON.stringify({ text, complaints, findings: violations.map(({ id, impact, help }) => ({ id, impact, help })) }));
