// The simulated machines with the real engine: what is typed, built and pushed is in every room.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";
import { toTerminal } from "./scripted.mjs";

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

async function withPage(deed, options = {}) {
  const { page, errors, close } = await h.open(browser, server.url, options);
  try {
    await h.ready(page);
    await deed(page);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
}

const screen = (page) => page.$eval(".said-lines", (log) => log.innerText);

/** Types a command and returns what it said once the terminal waits for the next one. */
async function run(page, command) {
  const prompt = () => page.textContent(".typing .prompt");
  await page.waitForFunction(() => /[$#] $/.test(document.querySelector(".typing .prompt")?.textContent ?? ""));
  const before = (await screen(page)).length;
  await page.keyboard.type(command);
  await page.keyboard.press("Enter");
  await page.waitForFunction(({ before, command }) => {
    const text = document.querySelector(".said-lines").innerText;
    return text.length > before && text.slice(before).includes(command) && /[$#] $/.test(document.querySelector(".typing .prompt").textContent);
  }, { before, command });
  assert.ok(await prompt());
  const said = (await screen(page)).slice(before);
  return said.slice(said.indexOf(command) + command.length + 1);
}

test("what is built in the editor is on the workstation, and shares its base", () => withPage(async (page) => {
  await h.openExample(page, "course-nginx");
  assert.equal(await h.build(page), "finished");
  await toTerminal(page);
  assert.match(await run(page, "docker image ls"), /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\n(.*\n)*course-nginx +latest/);
  await run(page, "docker pull ubuntu:bionic");
  await page.click("#tab-images");
  await page.waitForFunction(() => [...document.querySelectorAll(".name-of")].some((name) => name.textContent === "ubuntu:bionic"));
  await page.click("#tab-sharing");
  await page.waitForSelector('.cell-of[data-rows="2"]');
}));

test("commands, images and files are completed", () => withPage(async (page) => {
  await toTerminal(page);
  await page.keyboard.type("docker imag");
  await page.keyboard.press("Tab");
  await page.waitForFunction(() => document.querySelector(".typing .line").value.startsWith("docker image"));
  await page.keyboard.press("Control+u");
  await run(page, "cd project");
  await page.keyboard.type("cat Dockerf");
  await page.keyboard.press("Tab");
  await page.waitForFunction(() => document.querySelector(".typing .line").value.trim() === "cat Dockerfile");
}));

test("a push goes over the network, and what the registry has is spared the second time", () => withPage(async (page) => {
  await toTerminal(page);
  await run(page, "docker run -d -p 5000:5000 --restart=always --name registry registry:2");
  await run(page, "docker pull alpine:3.9.3");
  await run(page, "docker tag alpine:3.9.3 localhost:5000/alpine:1");
  assert.match(await run(page, "docker push localhost:5000/alpine:1"), /digest: sha256:/);
  await run(page, "docker tag alpine:3.9.3 localhost:5000/alpine:2");
  assert.match(await run(page, "docker push localhost:5000/alpine:2"), /Layer already exists/);
  await page.click("#tab-wire");
  const rows = await page.$$eval(".wire tbody tr", (rows) => rows.map((row) => row.textContent));
  assert.ok(rows.some((row) => /PUT .*\/v2\/alpine\/manifests\/1/.test(row)), rows.join("\n"));
  assert.match(await page.textContent("#output .sums"), /[1-9][\d.]* [kM]?B spared/);
  await page.click("#tab-containers");
  await page.waitForSelector('.thing-head:has-text("registry")');
}));

test("a file is edited in the terminal, and the editor has it", () => withPage(async (page) => {
  await toTerminal(page);
  await run(page, "cd project");
  await page.keyboard.type("vi Dockerfile\n");
  await page.waitForSelector(".over textarea");
  await page.fill(".over textarea", "FROM scratch\n# by vi\n");
  await page.click("#save-and-leave");
  await page.waitForFunction(() => document.querySelector("#editor").textContent.includes("# by vi"));
}));

test("an archive that the page wrote is loaded on another machine, with the same image", () => withPage(async (page) => {
  await h.write(page, "Dockerfile", "FROM scratch\nCOPY index.html /\n");
  assert.equal(await h.build(page), "finished");
  const id = await h.imageId(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  await page.click("#tab-images");
  await page.getByRole("group", { name: "Machine" }).getByRole("button").nth(1).click();
  await page.setInputFiles("#load-archive", await download.path());
  await page.waitForSelector(`[data-image="${id}"]`);
  await toTerminal(page, 1);
  assert.match(await screen(page), /Loaded image: course-nginx:latest/);
  await page.click(`[data-image="${id}"]`);
  await page.click(".thing.open .look");
  await page.waitForSelector("[data-layer='0']");
  assert.match(await page.textContent(".whose"), /An image of/);
}));

test("what is no archive is refused with the reason, and nothing has changed", () => withPage(async (page) => {
  await page.click("#tab-images");
  await page.setInputFiles("#load-archive", { name: "bad.tar", mimeType: "application/x-tar", buffer: Buffer.from("no tar") });
  await page.waitForSelector("text=The archive was not loaded, and nothing has changed");
  assert.equal(await page.locator(".thing").count(), 0);
}));
