import * as h from "./harness.mjs";
const server = await h.serve(); const browser = await h.launch();
const { page, errors, close } = await h.open(browser, server.url);
await h.ready(page);
await page.click("#tab-terminal-0");
await page.waitForTimeout(1500);
await page.screenshot({ path: "/tmp/w1.png" });
for (const c of process.argv.slice(2)) { await page.keyboard.type(c + "\n"); await page.waitForTimeout(2500); }
console.log(await page.textContent(".said-lines").catch(() => "none"));
console.log(await page.textContent("#output .head"));
await page.screenshot({ path: "/tmp/w2.png" });
console.log(errors);
await close(); await browser.close(); await server.close();
