// The page's worker: loads the engine, hands it the page's messages, and lets it build one step at a time.
//
// This file, engine.js and shell.js lie in one folder; every address is relative to this file, so the page can be hosted under any path.
import initEngine, { Engine, Todo } from "./engine.js";

const failed = (code, message, hint) => ({
  id: 0,
  answer: { Failed: { severity: "error", code, message, hints: [hint] } },
});

function post(reply) {
  // An archive may be large: hand its bytes over instead of copying them.
  const bytes = reply.answer?.Archive?.bytes;
  self.postMessage(reply, bytes ? [bytes.buffer] : []);
}

const loading = initEngine().then(() => new Engine(post));
loading.catch((error) => post(failed("engine", `the engine could not be loaded: ${error}`, "reload the page")));

let shell; // a promise, from the first command on
async function loadShell() {
  const module = await import("./shell.js");
  await module.default();
  return new module.Shell();
}

// Steps run in tasks of their own, so that a Cancel or an edit that came in meanwhile is taken first.
const turn = new MessageChannel();
let turning = false;
function continueBuild() {
  if (!turning) {
    turning = true;
    turn.port2.postMessage(null);
  }
}

let broken = false;
function guarded(deed) {
  if (broken) return;
  try {
    deed();
  } catch (error) {
    // The module's memory cannot be trusted after a panic.
    broken = true;
    post(failed("engine", `the engine stopped: ${error}`, "reload the page; your files are kept"));
  }
}

turn.port1.onmessage = async () => {
  const engine = await loading;
  turning = false;
  guarded(() => {
    const todo = engine.step();
    if (todo === Todo.Step) continueBuild();
    if (todo === Todo.LoadShell) {
      shell ??= loadShell();
      shell.then(
        (loaded) => guarded(() => { engine.attach_shell(loaded); continueBuild(); }),
        (error) => { shell = undefined; guarded(() => engine.shell_failed(String(error))); },
      );
    }
  });
};

self.onmessage = async ({ data }) => {
  const engine = await loading.catch(() => undefined);
  if (!engine) return;
  guarded(() => {
    // An archive comes as a file beside its request. It is handed over as it is, to be read where it lies, piece by piece.
    if (data.file) engine.load(data.id, data.ask.Load.host, data.ask.Load.name, data.file);
    else engine.receive({ id: data.id, ask: data.ask });
    continueBuild();
  });
};
