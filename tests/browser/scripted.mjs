// A worker that answers by a script: for tests of the page alone, what it shows and what it asks, without an engine.
import * as h from "./harness.mjs";

/** 64 digits that begin with `start`. */
const hex = (start) => start.padEnd(64, "0");
const layer = (chain, bytes, instruction, simulated = false) => ({ chain_id: `sha256:${hex(chain)}`, bytes, instruction, simulated });
const bionic = layer("b1", 64_200_000, "ubuntu:bionic", true);
const curl = layer("c1", 42_900_000, "RUN apt-get install -y curl", true);
const image = (repository, tag, id, layers, rest = {}) => ({
  id: `sha256:${hex(id)}`, repository, tag, dangling: repository === "<none>", created: "2 minutes ago", simulated: layers.some((l) => l.simulated),
  bytes: layers.reduce((sum, l) => sum + l.bytes, 0), layers, used_by: [], ...rest,
});

/** Two hosts as a lesson leaves them. */
export const hosts = [
  {
    name: "workstation", address: "10.0.0.2",
    images: [
      image("custom-nginx", "latest", "60d858f34db4", [bionic, curl, layer("d1", 58_100_000, "RUN apt-get install -y nginx", true), layer("e1", 612, "COPY index.html ./")], { used_by: ["web"] }),
      image("alpine", "3.9.3", "cdf98d1859c1", [layer("a1", 5_530_000, "alpine:3.9.3", true)]),
      image("api", "1", "aa11aa11aa11", [bionic, curl, layer("f1", 9_000, "COPY api /usr/bin/api")]),
      image("localhost:5000/api", "1", "aa11aa11aa11", [bionic, curl, layer("f1", 9_000, "COPY api /usr/bin/api")]),
      image("ubuntu", "bionic", "bb22bb22bb22", [bionic]),
      image("<none>", "<none>", "dd33dd33dd33", [bionic, layer("91", 120_000, "COPY . /app")]),
    ],
    containers: [
      {
        id: hex("c0ffee"), name: "web", image: "custom-nginx", image_id: `sha256:${hex("60d858f34db4")}`, command: "nginx -g 'daemon off;'", state: "running",
        status: "Up 2 minutes (healthy)", ports: "0.0.0.0:8080->80/tcp", writable_bytes: 3_412, shared_bytes: 165_200_612, n_paths: 44,
        paths: [
          { path: "etc/nginx/nginx.conf", origin: "CopiedUp", bytes: 1482 },
          { path: "run/nginx.pid", origin: "Own", bytes: 2 },
          { path: "var/www/html/index.nginx-debian.html", origin: "Whiteout", bytes: 612 },
        ],
      },
      {
        id: hex("dead"), name: "flat_container", image: "alpine:3.9.3", image_id: `sha256:${hex("cdf98d1859c1")}`, command: "/bin/sh", state: "exited",
        status: "Exited (0) 5 minutes ago", ports: "", writable_bytes: 0, shared_bytes: 5_530_000, n_paths: 0, paths: [],
      },
    ],
    sharing: { unique_bytes: 64_200_000 + 42_900_000 + 58_100_000 + 612 + 5_530_000 + 9_000 + 120_000, sum_bytes: 165_200_612 + 5_530_000 + 107_109_000 + 64_200_000 + 64_320_000 },
    repositories: [],
  },
  {
    name: "registry server", address: "10.0.0.3", images: [], containers: [], sharing: { unique_bytes: 0, sum_bytes: 0 },
    repositories: [{ name: "api", tags: ["1", "latest"], bytes: 107_109_000 }],
  },
];

const request = (number, rest) => ({ number, client: "workstation", server: "registry server", status: 200, sent_bytes: 0, received_bytes: 0, spared_bytes: 0, note: "", ...rest });
const push = [
  request(1, { method: "HEAD", url: "http://localhost:5000/v2/api/blobs/sha256:b1", spared: "layer already exists", spared_bytes: 64_200_000 }),
  request(2, { method: "POST", url: "http://localhost:5000/v2/api/blobs/uploads/", status: 202, note: "begins an upload" }),
  request(3, { method: "PUT", url: "http://localhost:5000/v2/api/blobs/uploads/1?digest=sha256:f1", status: 201, sent_bytes: 9_000 }),
  request(4, { method: "PUT", url: "http://localhost:5000/v2/api/manifests/1", status: 401, sent_bytes: 0, note: "no basic auth credentials" }),
];

/** Runs in the worker. Gets the world as `hosts` and `push`. */
function script(hosts, push) {
  const state = hosts.map(() => ({ mode: "prompt", kept: "" }));
  const prompt = { Prompt: "~ $ " };
  const files = [{ path: "etc", kind: "dir", bytes: 1482, mode: 493, uid: 0, gid: 0, target: "", change: "Same", layer: 0, hidden: false, absent: false },
    { path: "etc/os-release", kind: "file", bytes: 1482, mode: 420, uid: 0, gid: 0, target: "", change: "Added", layer: 0, hidden: false, absent: false }];
  const preview = { project: { files: [], context_bytes: 0 }, lines: [], problems: [], stages: [], summary: "scripted" };

  function typed(id, host, input, say) {
    const own = state[host];
    const text = (text, wants = prompt, clear = false) => say(id, { Terminal: { host, text, clear, wants } });
    if (input === "Interrupt") { own.mode = "prompt"; return text(""); }
    if (input === "EndOfInput") { own.mode = "prompt"; return text("exit\n"); }
    const line = input.Line;
    if (own.mode === "user") { own.mode = "secret"; return text("", { Line: { prompt: "Password: ", echo: false } }); }
    if (own.mode === "secret") { own.mode = "prompt"; return text(line === "password" ? "Login Succeeded\n" : "unauthorized\n"); }
    if (own.mode === "more") {
      own.kept += `\n${line}`;
      if (line !== "EOF") return text("", { More: "> " });
      own.mode = "prompt";
      return text(`${own.kept}\n`);
    }
    const [word, ...rest] = line.split(" ");
    if (line === "docker login") { own.mode = "user"; return text("", { Line: { prompt: "Username: ", echo: true } }); }
    if (line.endsWith("<<EOF")) { own.mode = "more"; own.kept = line; return text("", { More: "> " }); }
    if (word === "sleep") return text("", "Nothing");
    if (word === "clear") return text("", prompt, true);
    if (word === "seq") return text(Array.from({ length: Number(rest[0]) }, (_, n) => `${n + 1}\n`).join(""));
    if (word === "vi") return say(id, { Edit: { host, path: `/root/${rest[0]}`, text: "old\n" } });
    if (line === "docker push localhost:5000/api:1") {
      for (const row of push) say(id, { Wire: [row] });
      return text("\u001b[1m1:\u001b[0m digest: \u001b[36msha256:f1\u001b[0m size: 741\n");
    }
    return text(line === "" ? "" : `ran ${line} on ${hosts[host].name}\n`);
  }

  const say = (id, answer) => postMessage({ id, answer });
  const words = ["docker ", "image ", "images ", "import ", "info "];
  self.asked = [];
  self.onmessage = ({ data: { id, ask, file } }) => {
    const [kind, of] = typeof ask === "string" ? [ask] : Object.entries(ask)[0];
    switch (kind) {
      case "Open": say(id, { Project: preview.project }); say(id, { Preview: preview }); break;
      case "Put": case "Remove": case "Preview": case "ForgetCache": say(id, { Preview: preview }); break;
      case "Look":
        say(id, { Machines: hosts });
        hosts.forEach((_, host) => { if (state[host].mode === "prompt") say(id, { Terminal: { host, text: "", clear: false, wants: prompt } }); });
        break;
      case "Type": typed(id, of.host, of.input, say); break;
      case "Complete": {
        const start = of.text.lastIndexOf(" ") + 1;
        say(id, { Completions: { host: of.host, start, words: words.filter((word) => word.startsWith(of.text.slice(start))) } });
        break;
      }
      case "Save": say(id, { Terminal: { host: of.host, text: `saved ${of.path}: ${JSON.stringify(of.text)}\n`, clear: false, wants: prompt } }); break;
      case "LeaveEditor": say(id, { Terminal: { host: of.host, text: "left\n", clear: false, wants: prompt } }); break;
      case "Inspect": {
        const key = Object.keys(of)[0];
        const row = hosts[of[key].host][key === "Image" ? "images" : "containers"].find((row) => row.id === of[key].id);
        const layers = (row.layers ?? [{ chain_id: "", bytes: row.shared_bytes, instruction: row.image, simulated: true }, { chain_id: "", bytes: row.writable_bytes, instruction: "writable layer", simulated: false }])
          .map((cell, n) => ({ instruction: cell.instruction, base: n === 0, simulated: cell.simulated, diff_id: cell.chain_id, chain_id: cell.chain_id, bytes: cell.bytes, added: cell.bytes, changed: 0, hidden: 0, hidden_by: "" }));
        say(id, { Inspected: { subject: of, image: { tag: row.name ?? `${row.repository}:${row.tag}`, id: row.id, manifest: "", simulated: true, bytes: row.bytes ?? row.shared_bytes, layers, history: [], config: "{}", manifest_json: "{}", ran: 0, cached: 0 } } });
        break;
      }
      case "Files": say(id, { Files: files }); break;
      case "Content": say(id, { Content: { Text: { text: "NAME=Alpine", more: false } } }); break;
      case "Archive": say(id, { Archive: { name: "image.tar", bytes: new Uint8Array(1024) } }); break;
      case "Load":
        if (of.name.startsWith("bad")) { say(id, { Failed: { severity: "error", code: "load", message: "unexpected EOF", hints: [] } }); break; }
        say(id, { Terminal: { host: of.host, text: `Loaded image: ${of.name}, ${file.size} bytes\n`, clear: false, wants: prompt } });
        say(id, { Machines: hosts });
        break;
      default: say(id, { Failed: { severity: "error", code: "script", message: `no answer to ${kind}`, hints: [] } });
    }
  };
  say(0, { Ready: { version: "scripted", images: [] } });
}

const worker = `(${script})(${JSON.stringify(hosts)}, ${JSON.stringify(push)});`;

/** The page with that worker. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  await page.route("**/worker.js", (route) => route.fulfill({ contentType: "text/javascript", body: worker }));
  await page.goto(url);
  await h.ready(page);
  return { page, errors, close: () => context.close() };
}

/** Goes to a machine's terminal; then what is typed is typed there. */
export async function toTerminal(page, host = 0) {
  await page.click(`#tab-terminal-${host}`);
  await page.waitForFunction((id) => document.activeElement?.id === id, `line-${host}`);
}
