// What every browser test needs: the built page served, a Chromium, and the page's own words for what is on it.
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const dist = join(root, "dist");
export const examples = join(root, "web/examples");

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** Serves dist/ below `prefix` on a free port of the loopback address. `requests` lists what was asked for. */
export async function serve(prefix = "/") {
  const requests = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    requests.push(path);
    const inside = path.startsWith(prefix) ? normalize(decodeURIComponent(path.slice(prefix.length)) || "index.html") : "..";
    let body;
    try {
      if (inside.startsWith("..")) throw new Error("outside");
      body = readFileSync(join(dist, inside));
    } catch {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": types[extname(inside)] ?? "application/octet-stream" }).end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}${prefix}`;
  return { url, requests, close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

/** A Chromium. Its sandbox does not work as root, and these pages are our own. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/** The page in a context of its own; `errors` collects what the console and the page complain of. */
export async function open(browser, url, options = {}) {
  const { blocked, ...settings } = options;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  if (blocked) await page.route(blocked, (route) => route.abort());
  await page.goto(url);
  return { page, errors, close: () => context.close() };
}

/** Waits until the engine is there: then Build can be pressed. */
export async function ready(page) {
  await page.waitForSelector("#build:not([disabled])");
}

/** Opens an example by the name of its folder. */
export async function openExample(page, id) {
  await ready(page);
  await page.selectOption("#example", id);
  await settled(page);
}

/** Waits until every cell beside the text belongs to the text as it stands. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const tape = document.querySelector(".tape");
    return tape && !tape.classList.contains("stale") && tape.querySelector("[data-state]") && !tape.querySelector(".wait");
  });
}

/** Presses Build and waits for the end. Returns "finished" or "failed". */
export async function build(page) {
  await page.click("#build");
  return finished(page);
}

/** Waits for the end of the running build. */
export async function finished(page) {
  const note = await page.waitForFunction(() => {
    if (document.querySelector("#build.stop")) return undefined;
    const text = [...document.querySelectorAll(".term .head .note")].map((note) => note.textContent.trim());
    return text.find((text) => text === "finished" || text === "failed");
  });
  return note.jsonValue();
}

/** Adds a build argument through the page. */
export async function setBuildArg(page, name, value) {
  await page.click("#add-arg");
  const group = page.locator(".build-arg").last();
  await group.getByLabel("Name").fill(name);
  await group.getByLabel("Name").press("Tab");
  await group.getByLabel("Value").fill(value);
  await group.getByLabel("Value").press("Tab");
}

/** The layers shown, base first. */
export async function layers(page) {
  const cards = await page.$$eval("[data-layer]", (cards) => cards.map((card) => ({
    index: Number(card.dataset.layer),
    diffId: card.dataset.diffId,
    instruction: card.querySelector(".ins").textContent,
    bytes: card.querySelector(".bytes").textContent,
  })));
  return cards.sort((a, b) => a.index - b.index);
}

/** What each line's cell says: line to state. */
export async function marks(page) {
  const cells = await page.$$eval("[data-line][data-state]", (cells) => cells.map((cell) => [Number(cell.dataset.line), cell.dataset.state]));
  return new Map(cells);
}

/** The digest of the image's config, as the page shows it. */
export async function imageId(page) {
  await page.click("#tab-config");
  return page.textContent("#image-id");
}

/** Replaces the text of a file through its tab and whichever editor is there. */
export async function write(page, path, text) {
  await page.click(`[data-file="${path}"]`);
  const field = page.locator("#editor textarea, #editor .cm-content").first();
  await field.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

/** Every file below a folder: path to bytes. */
export function filesOf(folder) {
  const files = new Map();
  const walk = (dir) => {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (statSync(path).isDirectory()) walk(path);
      else files.set(relative(folder, path), readFileSync(path));
    }
  };
  walk(folder);
  return files;
}

/** The program built natively, with a state of its own. */
export class Native {
  #dir = mkdtempSync(join(tmpdir(), "layerlab-test-"));

  /** Builds `files` and returns the image's ID, its DiffIDs and the steps, or throws what the program said. */
  preview(files, flags = []) {
    const context = join(this.#dir, "context");
    rmSync(context, { recursive: true, force: true });
    for (const [path, bytes] of files) {
      const file = join(context, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes, { mode: 0o644 });
    }
    const metadata = join(this.#dir, "metadata.json");
    const archive = join(this.#dir, "image.tar");
    const args = [
      "preview", "--root", join(this.#dir, "state"), "--metadata-file", metadata,
      "--output", `type=oci,dest=${archive},rewrite-timestamp=true`, ...flags, context,
    ];
    const program = process.env.LAYERLAB ?? join(root, "target/release/layerlab");
    const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
    if (error) throw error;
    if (status !== 0) throw new Error(stderr);
    const said = JSON.parse(readFileSync(metadata, "utf8"));
    const id = said["containerimage.config.digest"];
    const config = JSON.parse(tarEntry(readFileSync(archive), `blobs/${id.replace(":", "/")}`));
    return { id, diffIds: config.rootfs.diff_ids, config, steps: said["layerlab.steps"] };
  }

  remove() {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The text of one entry of a tar. */
function tarEntry(tar, name) {
  for (let at = 0; at + 512 <= tar.length;) {
    const field = (from, to) => tar.toString("utf8", at + from, at + to).replace(/\0.*$/s, "");
    const size = parseInt(field(124, 136), 8) || 0;
    if (field(0, 100) === name) return tar.toString("utf8", at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`expected ${name} in the archive, found none`);
}
