// The terminal by itself: what keys do, what is shown, and that everyone can use it. The worker is a script.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";
import * as scripted from "./scripted.mjs";

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

/** Opens the page at the terminal of the workstation and does the deed. */
async function withTerminal(deed, options = {}) {
  const { page, errors, close } = await scripted.open(browser, server.url, options);
  try {
    await scripted.toTerminal(page);
    await deed(page);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
}

const line = (page) => page.inputValue(".typing .line");
const screen = (page) => page.$eval(".said-lines", (log) => log.innerText.split("\n").filter((line) => line !== ""));
/** Waits until the terminal has said `text`. */
const said = (page, text) => page.waitForFunction((text) => document.querySelector(".said-lines")?.innerText.includes(text), text);
const waitLine = (page, text) => page.waitForFunction((text) => document.querySelector(".typing .line").value === text, text);

async function run(page, command) {
  await page.keyboard.type(command);
  await page.keyboard.press("Enter");
}

test("a command is drawn with its prompt, then what it says", () => withTerminal(async (page) => {
  await run(page, "docker ps");
  await said(page, "ran docker ps on workstation");
  assert.deepEqual(await screen(page), ["~ $ docker ps", "ran docker ps on workstation"]);
}));

test("each machine has its own", () => withTerminal(async (page) => {
  await run(page, "one");
  await said(page, "ran one on workstation");
  await scripted.toTerminal(page, 1);
  await run(page, "two");
  await said(page, "ran two on registry server");
  assert.equal((await screen(page)).length, 2);
  await scripted.toTerminal(page);
  await said(page, "ran one");
}));

test("Up and Down walk the commands, also after a reload", () => withTerminal(async (page) => {
  for (const command of ["one", "two"]) { await run(page, command); await said(page, `ran ${command}`); }
  await page.keyboard.type("dra");
  const walk = [["ArrowUp", "two"], ["ArrowUp", "one"], ["ArrowUp", "one"], ["ArrowDown", "two"], ["ArrowDown", "dra"]];
  for (const [key, expected] of walk) { await page.keyboard.press(key); await waitLine(page, expected); }
  await page.reload();
  await h.ready(page);
  await scripted.toTerminal(page);
  await page.keyboard.press("ArrowUp");
  await waitLine(page, "two");
}));

test("Tab fills in what is certain, and lists the rest the second time", () => withTerminal(async (page) => {
  await page.keyboard.type("docker im");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await said(page, "image  images  import");
  assert.equal(await line(page), "docker im");
  await page.keyboard.type("p");
  await page.keyboard.press("Tab");
  await waitLine(page, "docker import ");
}));

test("Tab moves on from an empty line and after Escape, and Shift+Tab always goes back", () => withTerminal(async (page) => {
  const isThere = () => page.evaluate(() => document.activeElement?.id === "line-0");
  await page.keyboard.press("Tab");
  assert.equal(await isThere(), false);
  await page.focus("#line-0");
  await page.keyboard.type("docker im");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.equal(await isThere(), false);
  await page.focus("#line-0");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await isThere(), false);
}));

test("Ctrl-C stops what runs, clears a line, and copies what is selected", () => withTerminal(async (page) => {
  await run(page, "sleep 100");
  await page.waitForSelector("text=Ctrl-C stops it");
  await page.keyboard.press("Control+c");
  await said(page, "^C");
  // Until the prompt is back, Ctrl-C is for the program that is being stopped.
  await page.waitForFunction(() => (document.querySelector(".typing .prompt")?.textContent ?? "") !== "");
  await page.keyboard.type("half");
  await page.keyboard.press("Control+c");
  await said(page, "half^C");
  assert.equal(await line(page), "");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector(".said-lines")));
  await page.keyboard.press("Control+c");
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /~ \$ sleep 100\r?\n\^C/);
  assert.equal((await screen(page)).filter((line) => line.endsWith("^C")).length, 2);
}));

test("what is typed while a program runs waits for it", () => withTerminal(async (page) => {
  await run(page, "sleep 100");
  await page.waitForSelector("text=Ctrl-C stops it");
  await run(page, "after");
  await page.waitForSelector("text=1 line waits after it");
}));

test("the keys of a shell move and cut", () => withTerminal(async (page) => {
  await page.keyboard.type("docker image ls");
  await page.keyboard.press("Alt+Backspace");
  await waitLine(page, "docker image ");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("x");
  await waitLine(page, "xdocker image ");
  await page.keyboard.press("Control+k");
  await waitLine(page, "x");
  await page.keyboard.press("Control+y");
  await waitLine(page, "xdocker image ");
  await page.keyboard.press("Control+u");
  await waitLine(page, "");
  await run(page, "one");
  await said(page, "ran one");
  await page.keyboard.press("Control+l");
  await page.waitForFunction(() => document.querySelector(".said-lines").innerText === "");
}));

test("pasted lines run one after the other, and the last piece stays on the line", () => withTerminal(async (page) => {
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text", "mkdir a\ncd a\nls");
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await said(page, "ran cd a");
  await waitLine(page, "ls");
  assert.deepEqual(await screen(page), ["~ $ mkdir a", "ran mkdir a on workstation", "~ $ cd a", "ran cd a on workstation"]);
}));

test("a password is read without being shown or kept", () => withTerminal(async (page) => {
  await run(page, "docker login");
  await page.waitForSelector("text=Username: ");
  await run(page, "testuser");
  await page.waitForSelector(".line[type=password]");
  await run(page, "password");
  await said(page, "Login Succeeded");
  assert.doesNotMatch((await screen(page)).join("\n"), /^Password: .*password/m);
  await page.keyboard.press("ArrowUp");
  await waitLine(page, "docker login");
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), /testuser|"password"/);
}));

test("a command that is not complete goes on", () => withTerminal(async (page) => {
  await run(page, "cat > f <<EOF");
  await page.waitForFunction(() => document.querySelector(".typing .prompt").textContent === "> ");
  await run(page, "text");
  await run(page, "EOF");
  await said(page, "cat > f <<EOF\ntext\nEOF");
  assert.deepEqual((await screen(page)).slice(0, 3), ["~ $ cat > f <<EOF", "> text", "> EOF"]);
}));

test("a file is edited over the terminal, and Escape loses nothing", () => withTerminal(async (page) => {
  await run(page, "vi daemon.json");
  await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
  await page.keyboard.type("new ");
  await page.keyboard.press("Escape");
  await page.waitForSelector("text=Changed: save it, or leave without.");
  await page.keyboard.press("Control+s");
  await said(page, 'saved /root/daemon.json: "new old\\n"');
  await page.waitForFunction(() => document.activeElement?.id === "line-0");
  await run(page, "vi daemon.json");
  await page.waitForSelector(".over");
  await page.keyboard.press("Escape");
  await said(page, "left");
}));

test("many lines are bounded and the end is seen", () => withTerminal(async (page) => {
  await run(page, "seq 20000");
  await said(page, "20000");
  const lines = await screen(page);
  assert.ok(lines.length <= 4096, `${lines.length}`);
  const box = await page.locator(".typing .line").boundingBox();
  const room = await page.locator(".console").boundingBox();
  assert.ok(box.y + box.height <= room.y + room.height + 1, "the line that is typed is in sight");
}));

test("colours are told by class, and the text is the text", () => withTerminal(async (page) => {
  await run(page, "docker push localhost:5000/api:1");
  await said(page, "1: digest: sha256:f1 size: 741");
  assert.equal(await page.textContent(".said-lines .c6"), "sha256:f1");
}));

test("a narrow screen has keys that a phone lacks, and nothing needs sideways scrolling", () => withTerminal(async (page) => {
  await page.keyboard.type("docker imp");
  await page.getByRole("button", { name: "Tab: complete" }).click();
  await waitLine(page, "docker import ");
  await run(page, "x".repeat(300));
  await said(page, "ran docker import xxx");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0);
}, { viewport: { width: 360, height: 740 } }));
