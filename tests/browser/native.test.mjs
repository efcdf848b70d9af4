// Run natively: the page that the program itself serves builds on this machine, after it has shown what and asked, and lays what came
// beside what was expected. Takes root and a static busybox; without either it says so.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
// A program without the page inside serves the one of a folder.
const page = process.env.LAYERLAB_PAGE ? ["--page", process.env.LAYERLAB_PAGE] : [];
const program = process.env.LAYERLAB ?? join(h.root, "target/release/layerlab");
const busybox = ["/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static"].find((path) => existsSync(path) && isStatic(path));
const missing = process.getuid?.() !== 0 ? "root" : !busybox ? "a static busybox" : undefined;

/** True for a program without an interpreter: it runs in an empty filesystem. */
function isStatic(path) {
  const bytes = readFileSync(path);
  return bytes.subarray(0, 4).toString("latin1") === "\x7fELF" && !bytes.subarray(0, 4096).includes("/ld-");
}

/** `layerlab play` with a state of its own. */
async function play(folder) {
  const child = spawn(program, ["play", "--no-open", "--root", join(folder, "state"), ...page], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const link = await new Promise((done, fail) => {
    child.stdout.on("data", (piece) => { said += piece; const found = /http:\S+/.exec(said); if (found) done(found[0]); });
    child.stderr.on("data", (piece) => { said += piece; });
    child.on("error", fail);
    child.on("exit", () => fail(new Error(said)));
  });
  const ended = new Promise((done) => child.on("exit", done));
  return { link, end: async () => { child.kill("SIGINT"); return ended; } };
}

let browser, folder, companion;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "layerlab-native-"));
  browser = await h.launch();
  companion = await play(folder);
});
after(async () => {
  await companion?.end();
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function withPage(deed, options = {}) {
  const opened = await h.open(browser, options.url ?? companion.link, options);
  try {
    await deed(opened.page, opened.errors);
  } finally {
    await opened.close();
  }
}

/** Presses Run natively, agrees if asked, and waits for the end. */
async function run(page) {
  await page.click("#run-natively");
  await page.waitForSelector("dialog.consent, [data-run], #run-failure");
  if (await page.locator("dialog.consent").count()) await page.click("#agree");
  await page.waitForFunction(() => document.querySelector("[data-run]") && !document.querySelector("#cancel-run"));
  return page.getAttribute("[data-run]", "data-run");
}

test("the program serves the whole page, packed, under a policy that the page keeps", () => withPage(async (page, errors) => {
  await h.openExample(page, "course-nginx");
  assert.equal(await h.build(page), "finished");
  assert.deepEqual(errors, []);
  const answer = await page.request.get(page.url(), { headers: { "accept-encoding": "br" } });
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
}));

test("the token leaves the address, and the page keeps it when it is loaded again", () => withPage(async (page) => {
  await page.waitForSelector("#run-natively");
  assert.equal(new URL(page.url()).hash, "");
  await page.reload();
  await page.waitForSelector("#run-natively");
}));

test("without the token there is no button and nothing is asked of the program", () => withPage(async (page) => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await h.ready(page);
  assert.equal(await page.locator("#run-natively").count(), 0);
  assert.deepEqual(asked.filter((path) => path.includes("/api/")), []);
  await page.click("#tab-native");
  assert.match(await page.textContent("#native-room"), /layerlab play/);
}, { url: companion.link.split("#")[0] }));

test("what will be executed is shown, and declining executes nothing", () => withPage(async (page) => {
  await h.ready(page);
  await h.write(page, "Dockerfile", "FROM busybox:1\nRUN echo \"it's me\" && rm -rf /tmp/x\nRUN --network=none [\"/bin/id\", \"-u\"]\n");
  await h.settled(page);
  await page.click("#run-natively");
  await page.waitForSelector("dialog.consent[open]");
  const shown = await page.textContent("dialog.consent");
  for (const words of [`echo "it's me" && rm -rf /tmp/x`, "/bin/id", "no network", "may use the network", "docker.io"]) assert.ok(shown.includes(words), words);
  // The keyboard is in the dialog and stays there; Escape says no.
  assert.ok(await page.evaluate(() => document.querySelector("dialog.consent").contains(document.activeElement)));
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog.consent", { state: "detached" });
  assert.equal(await page.locator("#run-log").count(), 0);
}));

test("a report of the command line can be opened without any run", () => withPage(async (page) => {
  const report = join(folder, "report.json");
  const step = { stage: "", line: 2, step: "RUN make", expected: { state: "cached", reason: null, bytes: 5, diffId: `sha256:${"a".repeat(64)}` } };
  const built = { cached: false, reason: "a.txt changed", bytes: 7, diffId: `sha256:${"b".repeat(64)}`, millis: 1200 };
  const different = { ...step, built, verdict: "different", remark: "expected from the cache, but it ran: a.txt changed" };
  writeFileSync(report, JSON.stringify({ version: 1, imageId: null, steps: [different] }));
  await page.click("#tab-native");
  await page.setInputFiles("#open-report", report);
  await page.waitForSelector('[data-verdict="different"]');
  const shown = await page.textContent("#compared");
  for (const words of ["RUN make", "from the cache", "ran", "7 B", "1.2 s", "different", "a.txt changed", "bbbbbbbbbbbb"]) assert.ok(shown.includes(words), words);
}, { url: companion.link.split("#")[0] }));

test("a run builds for real, and preview and reality stand side by side", async (t) => {
  if (missing) return t.skip(`skipped: it takes ${missing}`);
  // The base is an image of this machine: a busybox and nothing else.
  writeFileSync(join(folder, "busybox"), readFileSync(busybox), { mode: 0o755 });
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY --chmod=755 busybox /bin/sh\n");
  const made = spawnSync(program, ["build", "--root", join(folder, "state"), "-t", "tools:1", folder], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  await withPage(async (page) => {
    await h.ready(page);
    await h.write(page, "Dockerfile", "FROM tools:1\nRUN echo \"natively on $(uname -s)\" > /made\nCOPY index.html /\n");
    await h.settled(page);
    assert.equal(await run(page), "finished", await page.textContent("#native-room"));
    await page.waitForSelector("#compared .compared-step");
    const verdicts = () => page.$$eval("[data-verdict]", (steps) => steps.map((step) => step.dataset.verdict));
    assert.equal((await verdicts()).length, 2);
    // The same plan is not asked about again, and comes from the cache with the same layers.
    await page.click("#run-natively");
    await page.waitForFunction(() => [...document.querySelectorAll("[data-verdict]")].length === 2 && [...document.querySelectorAll("[data-verdict]")].every((step) => step.dataset.verdict === "same"));
    assert.equal(await page.locator("dialog.consent").count(), 0);
    // Its layers open where those of a simulated build do, and hold what the command wrote.
    const image = await page.getAttribute("[data-native-image]", "data-native-image");
    await page.click("#open-result");
    await page.waitForSelector(`[data-image-id="${image}"]`);
    await page.click("[data-layer='1']");
    await page.click('[data-path="made"]');
    await page.waitForSelector("text=natively on Linux");
    // The list of this machine has both images.
    await page.click("#tab-local");
    await page.waitForSelector(`[data-local="${image}"]`);
    assert.match(await page.textContent("#layers-side"), /tools:1/);
  });
});

test("a run is cancelled, and nothing of it goes on", async (t) => {
  if (missing) return t.skip(`skipped: it takes ${missing}`);
  await withPage(async (page) => {
    await h.ready(page);
    await h.write(page, "Dockerfile", "FROM tools:1\nRUN echo begun && exec sh -c 'while :; do :; done' layerlab-sleeper\n");
    await h.settled(page);
    await page.click("#run-natively");
    await page.click("#agree");
    await page.waitForFunction(() => document.querySelector("#run-log")?.textContent.includes("begun\n"));
    await page.click("#cancel-run");
    await page.waitForSelector("#run-failure");
    assert.match(await page.textContent("#run-failure"), /cancelled/);
  });
  const { stdout } = spawnSync("ps", ["ax", "-o", "args"], { encoding: "utf8" });
  assert.doesNotMatch(stdout, /layerlab-sleeper/);
});

for (const width of [360, 1440]) {
  test(`the dialog and the comparison need no sideways scrolling at ${width} px`, () => withPage(async (page) => {
    await h.ready(page);
    await h.write(page, "Dockerfile", `FROM busybox:1\nRUN echo ${"a-long-word".repeat(30)}\n`);
    await h.settled(page);
    await page.click("#run-natively");
    await page.waitForSelector("dialog.consent[open]");
    const wide = () => page.evaluate(() => Math.max(document.documentElement.scrollWidth - document.documentElement.clientWidth, ...[...document.querySelectorAll("dialog, .native-room")].map((part) => part.scrollWidth - part.clientWidth)));
    assert.ok(await wide() <= 0);
    await page.click("#decline");
    await page.click("#tab-native");
    assert.ok(await wide() <= 0);
    await page.click("#tab-local");
    assert.ok(await wide() <= 0);
  }, { viewport: { width, height: 800 } }));
}

for (const colorScheme of ["light", "dark"]) {
  // axe comes as a script of its own, which the policy of the page refuses.
  test(`axe finds nothing in the dialog, the comparison and the list of images (${colorScheme})`, () => withPage(async (page) => {
    const found = [];
    const look = async (state) => {
      const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
      const { violations } = await page.evaluate((rules) => window.axe.run({ runOnly: rules }), rules);
      found.push(...violations.map((rule) => `${state}: ${rule.id}: ${rule.nodes.map((node) => node.target.join(" ")).join(" | ")}`));
    };
    await page.addScriptTag({ path: axe });
    await h.ready(page);
    await h.write(page, "Dockerfile", "FROM busybox:1\nRUN --mount=type=tmpfs,target=/t make\n");
    await h.settled(page);
    await page.click("#run-natively");
    await page.waitForSelector("dialog.consent[open]");
    await look("dialog");
    await page.click("#decline");
    const side = { cached: false, reason: "first", bytes: 7, diffId: `sha256:${"b".repeat(64)}`, millis: 12 };
    const step = (verdict) => ({ stage: "a", line: 2, step: "RUN make", expected: { state: "runs" }, built: side, verdict, remark: "it ran" });
    const report = join(folder, `${colorScheme}.json`);
    writeFileSync(report, JSON.stringify({ version: 1, imageId: null, steps: ["same", "not-known-before", "different", "not-reached"].map(step) }));
    await page.setInputFiles("#open-report", report);
    await page.waitForSelector("#compared");
    await page.click("#tab-local");
    await page.waitForSelector("#pull");
    await look("comparison and images");
    assert.deepEqual(found, []);
  }, { colorScheme, bypassCSP: true }));
}
