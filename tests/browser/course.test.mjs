// The course's Dockerfiles, built in the page and held against the same builds done natively.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import * as h from "./harness.mjs";

const EPOCH = "1700000000";
// Without this, every image carries the time of its build, and no two are alike.
const FLAGS = ["--build-arg", `SOURCE_DATE_EPOCH=${EPOCH}`];

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

/** States that mean "taken from the cache", and "ran just now". */
const CACHED = "cached", MADE = "made";

/** Opens an example, builds it on both sides and checks that they agree. */
async function buildBoth(page, native, id) {
  await h.openExample(page, id);
  await h.setBuildArg(page, "SOURCE_DATE_EPOCH", EPOCH);
  await h.settled(page);
  const files = h.filesOf(join(h.examples, id));
  await compare(page, native, files);
  return files;
}

async function compare(page, native, files) {
  assert.equal(await h.build(page), "finished", await page.textContent(".term"));
  const here = await h.layers(page);
  const there = native.preview(files, FLAGS);
  assert.deepEqual(here.map((layer) => layer.diffId), there.diffIds);
  assert.equal(await h.imageId(page), there.id);
  return { here, there };
}

/** Bytes of the whole image, as the heading says. */
const weight = (page) => page.textContent("#layers .weight");

for (const id of ["course-nginx", "course-go", "course-go-stages"]) {
  test(`${id} gives the same image in the page and natively`, async () => {
    const native = new h.Native();
    const { page, errors, close } = await h.open(browser, server.url);
    try {
      await buildBoth(page, native, id);
      const states = [...(await h.marks(page)).values()];
      assert.ok(states.includes(MADE), `${states}`);
      assert.ok(!states.includes(CACHED), `${states}`);
      assert.deepEqual(errors, []);
    } finally {
      await close();
      native.remove();
    }
  });
}

describe("an edit", () => {
  test("of a copied file runs again what depends on it, here and natively", async () => {
    const native = new h.Native();
    const { page, close } = await h.open(browser, server.url);
    try {
      const files = await buildBoth(page, native, "course-nginx");
      const text = "<h1>Changed</h1>\n";
      files.set("index.html", Buffer.from(text));
      await h.write(page, "index.html", text);
      await page.click('[data-file="Dockerfile"]');
      await h.settled(page);

      const lines = files.get("Dockerfile").toString().split("\n");
      const copy = 1 + lines.findIndex((line) => line.startsWith("COPY index.html"));
      const add = 1 + lines.findIndex((line) => line.startsWith("ADD"));
      const runs = lines.flatMap((line, index) => (line.startsWith("RUN") ? [index + 1] : []));
      const foretold = await h.marks(page);
      assert.equal(foretold.get(copy), "runs");
      for (const run of runs) assert.equal(foretold.get(run), CACHED, `line ${run} before the build`);

      const { there } = await compare(page, native, files);
      await page.click('[data-file="Dockerfile"]');
      const marks = await h.marks(page);
      assert.equal(marks.get(copy), MADE);
      assert.equal(marks.get(add), MADE);
      for (const run of runs) assert.equal(marks.get(run), CACHED, `line ${run}`);
      const cachedThere = there.steps.filter((step) => step.cached).map((step) => step.step.split(" ")[0]);
      assert.equal(cachedThere.filter((word) => word === "RUN").length, runs.length, JSON.stringify(there.steps));
      const copied = there.steps.find((step) => step.step.startsWith("COPY index.html"));
      assert.equal(copied.cached, false);
    } finally {
      await close();
      native.remove();
    }
  });

  test("of nothing takes everything from the cache", async () => {
    const { page, close } = await h.open(browser, server.url);
    try {
      await h.openExample(page, "course-go-stages");
      await h.build(page);
      const first = await h.imageId(page);
      await h.build(page);
      const states = [...(await h.marks(page)).values()];
      assert.ok(states.includes(CACHED), `${states}`);
      assert.ok(!states.includes(MADE), `${states}`);
      assert.equal(await h.imageId(page), first);
    } finally {
      await close();
    }
  });
});

describe("the course's figures", () => {
  test("the plain Go image weighs near 750 MB, the one of two stages near 7.5 MB", async () => {
    const { page, close } = await h.open(browser, server.url);
    try {
      await h.openExample(page, "course-go");
      await h.build(page);
      const plain = await weight(page);
      await h.openExample(page, "course-go-stages");
      await h.build(page);
      const small = await weight(page);
      const megabytes = (text) => Number(/^([\d.]+) MB/.exec(text)?.[1]);
      assert.ok(Math.abs(megabytes(plain) - 750) < 50, plain);
      assert.ok(Math.abs(megabytes(small) - 7.5) < 1, small);
    } finally {
      await close();
    }
  });

  test("everything simulated says so", async () => {
    const { page, close } = await h.open(browser, server.url);
    try {
      await h.openExample(page, "course-nginx");
      await h.build(page);
      const words = await page.$$eval("[data-layer] .id", (cells) => cells.map((cell) => cell.textContent));
      assert.ok(words.some((text) => text.includes("simulated")), `${words}`);
      await page.click("#tab-config");
      assert.match(await page.textContent(".facts"), /simulated/);
    } finally {
      await close();
    }
  });
});
