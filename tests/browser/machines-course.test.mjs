// The course's commands, all of them and in its order, typed into the page's terminals. tests/tests/course.rs types the same natively.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as h from "./harness.mjs";
import { toTerminal } from "./scripted.mjs";

const HOSTS = ["workstation", "registry"];

let server, browser;
before(async () => { server = await h.serve(); browser = await h.launch(); });
after(async () => { await browser?.close(); await server?.close(); });

/** The script's steps: host, line, answers to questions, texts that must follow each other, texts that must not be there. */
function steps() {
  const found = [];
  for (const line of readFileSync(join(h.root, "tests/fixtures/course.terminal"), "utf8").split("\n")) {
    const typed = /^(\w+)\$ (.*)$/.exec(line);
    const last = found.at(-1);
    if (typed && HOSTS.includes(typed[1])) {
      found.push({ host: HOSTS.indexOf(typed[1]), line: typed[2], answers: [], wanted: [], unwanted: [] });
    } else if (line.startsWith(">")) last.answers.push(line.slice(2));
    else if (line.startsWith("| ") || line.startsWith("~ ")) last.wanted.push(line.slice(2));
    else if (line.startsWith("! ")) last.unwanted.push(line.slice(2));
    // An exit code is not seen in a terminal; the native test looks at it, and at what a real machine says.
    else assert.match(line, /^($|#|= |\+ )/);
  }
  return found;
}

const screen = (page) => page.$eval(".said-lines", (log) => log.innerText);

/** Types a line and waits until the terminal waits for the next one: a command, or what a program asks for. */
async function enter(page, line) {
  const before = (await screen(page)).length;
  await page.keyboard.insertText(line);
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => {
    const prompt = document.querySelector(".typing .prompt")?.textContent ?? "";
    return document.querySelector(".said-lines").innerText.length > before && prompt !== "";
  }, before);
}

/** What is missing in what a step said. */
function judge(step, said) {
  let rest = said;
  for (const wanted of step.wanted) {
    const at = rest.indexOf(wanted);
    if (at < 0) return `expected ${JSON.stringify(wanted)}`;
    rest = rest.slice(at + wanted.length);
  }
  const unwanted = step.unwanted.find((text) => said.includes(text));
  return unwanted && `did not expect ${JSON.stringify(unwanted)}`;
}

test("every command of the course works in the page's terminals", async () => {
  const { page, errors, close } = await h.open(browser, server.url);
  try {
    await h.openExample(page, "course-nginx");
    let host;
    for (const step of steps()) {
      if (step.host !== host) await toTerminal(page, step.host);
      host = step.host;
      await page.keyboard.press("Control+l");
      await enter(page, step.line);
      for (const answer of step.answers) await enter(page, answer);
      const said = await screen(page);
      assert.equal(judge(step, said), undefined, `${HOSTS[host]}$ ${step.line}\n${said}`);
      assert.match(await page.textContent(".typing .prompt"), /[$#] $/, step.line);
    }
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
});
