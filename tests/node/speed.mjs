// Times the engine's WebAssembly build: `node speed.mjs PROBE.js` prints a line `NAME MILLISECONDS` for each figure, the median of its runs.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const RUNS = 60;
// The first runs are those of a page that was just opened; later ones run what the engine has optimised by then.
const WARM = 20;

const { Figures } = createRequire(import.meta.url)(resolve(process.argv[2]));
const figures = new Figures();

console.log(`check-200-lines ${median(() => figures.check_200_lines())}`);
console.log(`preview-50-steps ${median(() => figures.preview_50_steps())}`);

function median(run) {
  const times = [];
  for (let index = 0; index < WARM + RUNS; index += 1) {
    const begun = performance.now();
    run();
    if (index >= WARM) times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  return times[RUNS / 2].toFixed(3);
}
