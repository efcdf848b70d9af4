// How the page behaves: what it loads and when, how it answers while one types, and what it does when something is not to be had.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

async function withPage(deed, options = {}) {
  const opened = await h.open(browser, options.url ?? server.url, options);
  try {
    await deed(opened.page, opened.errors);
  } finally {
    await opened.close();
  }
}

test("the shell is loaded when the first command runs, and not before", () => withPage(async (page) => {
  const asked = [];
  page.context().on("request", (request) => asked.push(new URL(request.url()).pathname));
  const shells = () => asked.filter((path) => path.endsWith("shell_bg.wasm")).length;
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM scratch\nCOPY . /\n");
  await h.settled(page);
  assert.equal(await h.build(page), "finished");
  assert.equal(shells(), 0);
  await h.openExample(page, "course-nginx");
  assert.equal(await h.build(page), "finished");
  assert.equal(shells(), 1);
}));

test("a mistake is underlined as one types, and a build of it says the line", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM scratch\nCOPPY a /\n");
  await page.waitForSelector("text=/unknown instruction/i");
  assert.equal(await h.build(page), "failed");
  assert.match(await page.textContent("#failure"), /Line 2/);
}));

test("a build of a missing file fails at its line and leaves no image", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM scratch\nCOPY not-there /\n");
  await h.settled(page);
  assert.equal(await h.build(page), "failed");
  assert.match(await page.textContent("#failure"), /not-there/);
}));

test("without the rich editor the plain one takes text, and the page builds", () => withPage(async (page) => {
  await h.ready(page);
  await page.waitForSelector("#editor textarea");
  await h.write(page, "Dockerfile", "FROM scratch\nCOPY index.html /\n");
  await h.settled(page);
  assert.equal(await h.build(page), "finished");
  assert.equal((await h.layers(page)).length, 1);
}, { blocked: /\/editor-[^/]*\.js$/ }));

test("without the engine the page says so and keeps the text", () => withPage(async (page) => {
  await page.waitForSelector("text=/engine|could not be (started|loaded)/i");
  assert.ok(await page.isDisabled("#build"));
  assert.match(await page.textContent("#editor"), /FROM/);
}, { blocked: /engine_bg\.wasm$/ }));

test("a shell that cannot be loaded fails the build, and the next try may succeed", () => withPage(async (page) => {
  const pattern = /shell_bg\.wasm$/;
  await page.context().route(pattern, (route) => route.abort());
  await h.openExample(page, "course-nginx");
  assert.equal(await h.build(page), "failed");
  assert.match(await page.textContent("#failure"), /shell/);
}));

test("a target, an ignore file and a build argument do what they say", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "ARG WHAT=style.css\nFROM scratch AS one\nCOPY index.html /\nFROM scratch AS two\nARG WHAT=index.html\nCOPY ${WHAT} /here/\n");
  await h.settled(page);
  await page.selectOption("#target", "one");
  await h.settled(page);
  assert.equal(await h.build(page), "finished");
  assert.deepEqual((await h.layers(page)).map((layer) => layer.instruction.split(" ")[1]), ["index.html"]);
  await page.selectOption("#target", "two");
  await h.setBuildArg(page, "WHAT", "style.css");
  await h.settled(page);
  assert.equal(await h.build(page), "finished");
  await page.click("[data-layer='0']");
  await page.waitForSelector('[data-path="here/style.css"]');
}));

test("files of a layer, the merged tree, history and config are there to read", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM scratch\nCOPY index.html /a/\nCOPY style.css /b/\nENV KEY=value\n");
  await h.settled(page);
  assert.equal(await h.build(page), "finished");
  await page.click("#tab-files");
  await page.click("[data-layer='1']");
  await page.waitForSelector('[data-path="b/style.css"][data-change]');
  assert.equal(await page.locator('[data-path="a/index.html"]').count(), 0);
  await page.getByRole("button", { name: "up to here" }).click();
  await page.waitForSelector('[data-path="a/index.html"]');
  await page.click("#tab-history");
  assert.match(await page.textContent("#inside"), /ENV KEY=value/);
  await page.click("#tab-config");
  assert.match(await page.textContent("#inside"), /"KEY=value"/);
}));

test("the project is there again after a reload", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM scratch\n# kept\n");
  await page.waitForFunction(() => Object.values(localStorage).some((text) => text.includes("kept")) || localStorage.length > 0);
  await page.waitForTimeout(1200);
  await page.reload();
  await h.ready(page);
  assert.match(await page.textContent("#editor"), /# kept/);
}));

test("the page works below any path", async () => {
  const deep = await h.serve("/some/where/");
  try {
    await withPage(async (page, errors) => {
      await h.openExample(page, "course-nginx");
      assert.equal(await h.build(page), "finished");
      assert.deepEqual(errors, []);
    }, { url: deep.url });
  } finally {
    await deep.close();
  }
});
