// Images, containers, sharing and the network as the page draws them. The worker is a script.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";
import * as scripted from "./scripted.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

async function withPage(deed, options = {}) {
  const { page, errors, close } = await scripted.open(browser, server.url, options);
  try {
    await deed(page);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
}

const said = (page, text) => page.waitForFunction((text) => document.querySelector(".said-lines")?.innerText.includes(text), text);
const heads = (page) => page.$$eval(".thing .name-of", (names) => names.map((name) => name.textContent));

test("images are listed as docker lists them, and what is simulated says so", () => withPage(async (page) => {
  await page.click("#tab-images");
  await page.waitForSelector(".thing");
  assert.deepEqual(await heads(page), ["custom-nginx:latest", "alpine:3.9.3", "api:1", "localhost:5000/api:1", "ubuntu:bionic", "dd33dd33dd33"]);
  assert.match(await page.textContent(".thing >> nth=0"), /165 MB.*simulated/);
  assert.match(await page.textContent(".thing >> nth=5"), /dangling/);
}));

test("a button types its command, and what cannot be taken back waits for Enter", () => withPage(async (page) => {
  await page.click("#tab-images");
  await page.click("text=alpine:3.9.3");
  await page.getByRole("button", { name: "History alpine:3.9.3" }).click();
  await said(page, "~ $ docker image history alpine:3.9.3");
  await said(page, "ran docker image history alpine:3.9.3 on workstation");
  await page.getByRole("button", { name: "Remove alpine:3.9.3" }).click();
  await page.waitForFunction(() => document.activeElement?.value === "docker image rm alpine:3.9.3");
  await page.keyboard.press("Enter");
  await said(page, "ran docker image rm alpine:3.9.3 on workstation");
}));

test("all of it works by keyboard", () => withPage(async (page) => {
  await page.focus("#tab-layers");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.activeElement?.id === "tab-images");
  await page.focus(".thing-head");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Look inside custom-nginx:latest");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-layer='3']");
}));

test("an image of a machine is looked into like one that was built", () => withPage(async (page) => {
  await page.click("#tab-images");
  await page.click("text=api:1 >> nth=0");
  await page.getByRole("button", { name: "Look inside api:1" }).first().click();
  await page.waitForSelector("[data-path='etc/os-release']");
  assert.match(await page.textContent("#layers"), /An image of workstation/);
  assert.equal((await h.layers(page)).length, 3);
}));

test("a container shows what is its own and what it shares", () => withPage(async (page) => {
  await page.click("#tab-containers");
  await page.click(".thing-head >> nth=0");
  const rows = await page.$$eval(".writable tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(rows, [
    ["~ copied up", "/etc/nginx/nginx.conf", "1.48 kB"],
    ["+ own", "/run/nginx.pid", "2 B"],
    ["− whiteout", "/var/www/html/index.nginx-debian.html", "612 B"],
  ]);
  assert.match(await page.textContent(".writable"), /3.41 kB in its writable layer; 165 MB read from the image's layers/);
  assert.match(await page.textContent(".writable"), /and 41 paths more/);
  await page.getByRole("button", { name: "Stop web" }).click();
  await said(page, "ran docker stop web");
}));

test("layers that images share are one cell over their rows", () => withPage(async (page) => {
  await page.click("#tab-sharing");
  await page.waitForSelector(".cell-of");
  const cells = await page.$$eval(".cell-of", (cells) => cells.map((cell) => {
    const box = cell.querySelector("rect").getBoundingClientRect();
    return { name: cell.querySelector("text").textContent, rows: Number(cell.dataset.rows), x: Math.round(box.x), width: box.width, height: box.height };
  }));
  const one = (name) => cells.filter((cell) => cell.name === name);
  assert.equal(one("ubuntu:bionic").length, 1);
  assert.equal(one("ubuntu:bionic")[0].rows, 4);
  assert.equal(one("RUN apt-get install -y curl")[0].rows, 2);
  assert.ok(one("ubuntu:bionic")[0].height > 3 * 40, "it spans its rows");
  const [bionic, curl] = [one("ubuntu:bionic")[0], one("RUN apt-get install -y curl")[0]];
  assert.ok(Math.abs(bionic.width / curl.width - Math.sqrt(64.2 / 42.9)) < 0.05, "width is the square root of bytes");
  assert.equal(await page.textContent("#unique-bytes"), "171 MB");
  assert.equal(await page.textContent("#sum-bytes"), "406 MB");
  await page.click("text=As a table");
  assert.match(await page.textContent(".document table"), /ubuntu:bionicsimulated64.2 MBubuntu:bionic; custom-nginx:latest; api:1, localhost:5000\/api:1; dd33dd33dd33/);
}));

test("requests are listed as they go, with what was spared", () => withPage(async (page) => {
  await scripted.toTerminal(page);
  await page.keyboard.type("docker push localhost:5000/api:1\n");
  await said(page, "digest");
  await page.click("#tab-wire");
  await page.waitForSelector(".wire tbody tr >> nth=3");
  assert.match(await page.textContent(".wire tbody"), /HEAD http:\/\/localhost:5000\/v2\/api\/blobs\/sha256:b1.*64.2 MB: layer already exists/);
  assert.equal(await page.textContent("#output .sums"), "4 requests: 9.00 kB sent, 0 B received, 64.2 MB spared");
}));

const block = (name, size) => {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(size.toString(8).padStart(11, "0"), 124);
  header.write("ustar", 257);
  return header;
};
const archive = Buffer.concat([block("oci-layout", 30), Buffer.alloc(512), block("index.json", 0), Buffer.alloc(9 << 20)]);

/** Drops a file on the page. */
async function drop(page, name, bytes) {
  const transfer = await page.evaluateHandle(({ name, text }) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
    return data;
  }, { name, text: bytes.toString("base64") });
  await page.dispatchEvent(".page", "drop", { dataTransfer: transfer });
}

test("an archive that is dropped is loaded, and other files go to the context", () => withPage(async (page) => {
  await scripted.toTerminal(page);
  await drop(page, "image.tar", archive);
  await said(page, `Loaded image: image.tar, ${archive.length} bytes`);
  assert.equal(await page.getAttribute("#tab-images", "aria-selected"), "true");
  await drop(page, "app.tar", Buffer.concat([block("index.html", 0), Buffer.alloc(1024)]));
  await page.waitForSelector('[data-file="app.tar"]');
}));

test("an archive that is chosen is loaded, and a bad one is refused with the reason", () => withPage(async (page) => {
  await page.click("#tab-images");
  await page.setInputFiles("#load-archive", { name: "bad.tar", mimeType: "application/x-tar", buffer: Buffer.from("no tar") });
  await page.waitForSelector("text=The archive was not loaded, and nothing has changed: unexpected EOF.");
}));

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in any of these rooms (${colorScheme})`, () => withPage(async (page) => {
    await page.addScriptTag({ path: axe });
    const found = [];
    const look = async (state) => {
      const { violations } = await page.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
      found.push(...violations.map((rule) => `${state}: ${rule.id}: ${rule.help}: ${rule.nodes.map((node) => node.target.join(" ")).join(" | ")}`));
    };
    await scripted.toTerminal(page);
    await page.keyboard.type("docker push localhost:5000/api:1\n");
    await said(page, "digest");
    await look("terminal");
    await page.keyboard.type("vi f\n");
    await page.waitForSelector(".over");
    await look("editor over the terminal");
    await page.keyboard.press("Escape");
    await page.click("#tab-wire");
    for (const side of ["images", "containers", "sharing"]) {
      await page.click(`#tab-${side}`);
      if (side !== "sharing") await page.click(".thing-head >> nth=0");
      else await page.click("text=As a table");
      await look(side);
    }
    await page.click("#tab-images");
    await page.click("text=registry server >> nth=-1");
    await look("images of a registry");
    assert.deepEqual(found, []);
  }, { colorScheme }));
}

for (const width of [360, 320]) {
  test(`nothing needs sideways scrolling at ${width} px`, () => withPage(async (page) => {
    for (const tab of ["images", "containers", "sharing", "terminal-0", "wire", "log"]) {
      await page.click(`#tab-${tab}`);
      if (tab === "images" || tab === "containers") await page.click(".thing-head >> nth=0");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, tab);
    }
  }, { viewport: { width, height: 740 } }));
}
