// An archive of several GB is loaded from the visitor's disk: it is read where it lies, and the worker's memory does not grow with it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";

const GIB = 2 ** 30, MIB = 2 ** 20;
const LARGE = 3 * GIB;
/** What loading may add to the worker's memory: pieces of the file, the list of what is in it. */
const ALLOWED = 256 * MIB;

let server, browser, folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "layerlab-archive-"));
  server = await h.serve();
  browser = await h.launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const BLOCK = 512;
const padded = (size) => Math.ceil(size / BLOCK) * BLOCK;

/** The header of a file in a tar. */
function header(name, size) {
  const block = Buffer.alloc(BLOCK);
  const octal = (value, digits) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\0" + "00", 257);
  const sum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** What `docker save` writes of an image with one layer: a file of `size` zeros and a small one after it. The zeros are a hole. */
function archive(path, name, size) {
  const before = header("large", size);
  const after = Buffer.concat([header("small", 5), Buffer.concat([Buffer.from("hello")], BLOCK), Buffer.alloc(2 * BLOCK)]);
  const layerSize = before.length + size + after.length;

  const hash = createHash("sha256").update(before);
  const zeros = Buffer.alloc(16 * MIB);
  for (let left = size; left > 0; left -= zeros.length) hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  const diffId = `sha256:${hash.update(after).digest("hex")}`;
  const config = Buffer.from(JSON.stringify({
    architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [diffId] }, history: [],
  }));
  const list = Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers: ["1/layer.tar"] }]));

  const file = openSync(path, "w");
  let at = 0;
  const put = (bytes, room = bytes.length) => { writeSync(file, bytes, 0, bytes.length, at); at += room; };
  put(header("1/layer.tar", layerSize));
  put(before, before.length + size);
  put(after);
  for (const [name, bytes] of [["config.json", config], ["manifest.json", list]]) {
    put(header(name, bytes.length));
    put(bytes, padded(bytes.length));
  }
  ftruncateSync(file, at + 2 * BLOCK);
  closeSync(file);
  return { id: `sha256:${createHash("sha256").update(config).digest("hex")}`, diffId };
}

/** The most that any of the browser's pages has had in memory, worker included, in bytes. */
async function mostMemory() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const most = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    return 1024 * Number(status.match(/VmHWM:\s+(\d+) kB/)[1]);
  });
  return Math.max(...most);
}

test("an archive of 3 GB is loaded, looked into, and not taken into memory", { timeout: 600_000 }, async (t) => {
  const path = join(folder, "large.tar");
  const { id } = archive(path, "large:1", LARGE);
  assert.ok(statSync(path).size > LARGE);
  const { page, errors, close } = await h.open(browser, server.url);
  try {
    await h.ready(page);
    await page.click("#tab-images");
    const before = await mostMemory();
    await page.setInputFiles("input[type=file]#load-archive", path);
    const row = page.locator(`[data-image="${id}"]`);
    await row.waitFor({ timeout: 300_000 });
    const grown = await mostMemory() - before;
    t.diagnostic(`memory grew by ${(grown / MIB).toFixed(0)} MiB for a file of ${(statSync(path).size / MIB).toFixed(0)} MiB`);
    assert.ok(grown < ALLOWED, `expected less than ${ALLOWED} bytes more, found ${grown}`);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
});
