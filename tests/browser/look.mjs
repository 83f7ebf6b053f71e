// Opens pages in a real browser and says what it sees, as JSON.
//
//   node look.mjs URL [PICTURE [TEXT]]   → {"findings": […], "requests": […], "complaints": […], "overflows": […]}
//
// Every page is looked at in both colour schemes, on a desk and on a phone. `findings` are axe-core's, `requests` what the page
// asked for besides itself, `complaints` what it wrote to the console, `overflows` where it is wider than its window. With
// PICTURE, what was seen is kept as PICTURE-light-1280.png and so on; with TEXT, that is waited for.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const modules = join(import.meta.dirname, "../../.venv/node/node_modules/");
const require = createRequire(modules);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [url, picture, text] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const seen = { findings: [], requests: [], complaints: [], overflows: [] };
for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    const name = `${colorScheme}-${width}`;
    const viewport = { width, height: 800 };
    const page = await browser.newPage({ colorScheme, viewport });
    page.on("request", request => { if (request.url() !== url) seen.requests.push(request.url()); });
    page.on("console", message => { if (message.type() === "error") seen.complaints.push(message.text()); });
    page.on("pageerror", error => seen.complaints.push(String(error)));
    await page.goto(url);
    if (text) await page.getByText(text).first().waitFor({ timeout: 20000 });
    const [needed, had] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (needed > had) seen.overflows.push(`${name}: ${needed} of ${had}`);
    if (picture) await page.screenshot({ path: `${picture}-${name}.png`, fullPage: true });
    await page.close();
    // The page's own policy lets no script in, and the checker is one.
    const judged = await browser.newPage({ colorScheme, viewport, bypassCSP: true });
    await judged.goto(url);
    if (text) await judged.getByText(text).first().waitFor({ timeout: 20000 });
    await judged.addScriptTag({ content: axe });
    const { violations } = await judged.evaluate(() => globalThis.axe.run());
    for (const { id, impact, help, nodes } of violations) {
      seen.findings.push({ where: name, id, impact, help, at: nodes.map(node => node.target.join(" ")).slice(0, 3) });
    }
    await judged.close();
  }
}
await browser.close();
console.log(JSON.stringify(seen));
