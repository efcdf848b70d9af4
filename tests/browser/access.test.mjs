// The page for everyone: axe's rules in each main state, the whole path by keyboard, narrow screens.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

/** Fails with what axe finds in the page as it stands. */
async function complaints(page, state) {
  if (!(await page.evaluate(() => "axe" in window))) await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
  return violations.map((rule) => `${state}: ${rule.id}: ${rule.help}: ${rule.nodes.map((node) => node.target.join(" ")).join(" | ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in any main state (${colorScheme})`, async () => {
    const { page, close } = await h.open(browser, server.url, { colorScheme });
    try {
      const found = [];
      await h.openExample(page, "course-go-stages");
      found.push(...(await complaints(page, "before a build")));
      await h.build(page);
      await page.click("[data-layer='0']");
      found.push(...(await complaints(page, "after a build: files")));
      for (const side of ["matrix", "history", "config"]) {
        await page.click(`#tab-${side}`);
        found.push(...(await complaints(page, side)));
      }
      await page.click("#context-toggle");
      found.push(...(await complaints(page, "list of files")));
      await page.click("#context-toggle");
      await h.write(page, "Dockerfile", "FROM scratch\nCOPPY a /\n");
      await page.waitForSelector("text=/unknown instruction/i");
      await h.build(page);
      found.push(...(await complaints(page, "failed")));
      assert.deepEqual(found, []);
    } finally {
      await close();
    }
  });
}

/** Presses Tab until `selector` has the focus. */
async function tabTo(page, selector, most = 60) {
  for (let presses = 0; presses < most; presses += 1) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
    await page.keyboard.press("Tab");
  }
  const where = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200));
  throw new Error(`expected Tab to reach ${selector} within ${most} presses, it is at ${where}`);
}

test("everything from choosing an example to reading a file is done by keyboard", async () => {
  const { page, close } = await h.open(browser, server.url);
  try {
    await h.ready(page);
    await tabTo(page, "#example");
    await page.keyboard.press("ArrowDown");
    await h.settled(page);
    await tabTo(page, "#build");
    await page.keyboard.press("Enter");
    assert.equal(await h.finished(page), "finished");
    await tabTo(page, "[data-layer]");
    const layer = () => page.evaluate(() => document.activeElement?.dataset.layer);
    const first = await layer();
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((first) => document.activeElement?.dataset.layer !== first, first);
    await page.keyboard.press("Enter");
    // The worker lists the files; until then there is nothing to go to.
    await page.waitForSelector("[role=treeitem]");
    await tabTo(page, "[role=treeitem]");
    const path = () => page.evaluate(() => document.activeElement?.dataset.path);
    const at = await path();
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((at) => document.activeElement?.dataset.path !== at, at);
    assert.ok(await path());
  } finally {
    await close();
  }
});

test("the keyboard gets out of the editor", async () => {
  const { page, close } = await h.open(browser, server.url);
  try {
    await h.ready(page);
    await page.locator("#editor textarea, #editor .cm-content").first().focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => document.activeElement?.closest("textarea, .cm-content") !== null);
    assert.equal(inside, false);
  } finally {
    await close();
  }
});

for (const width of [360, 320]) {
  test(`nothing needs sideways scrolling at ${width} px`, async () => {
    const { page, close } = await h.open(browser, server.url, { viewport: { width, height: 740 } });
    try {
      await h.openExample(page, "course-nginx");
      await h.build(page);
      for (const side of ["files", "matrix", "history", "config"]) {
        await page.click(`#tab-${side}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wide, 0, side);
      }
    } finally {
      await close();
    }
  });
}
