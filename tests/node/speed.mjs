// Times the engine's WebAssembly build: `node speed.mjs PROBE.js` prints a line `NAME MILLISECONDS` for each figure, the median of its rounds.
//
// Processor time, so that what else the machine does counts little; that of the compiler and the collector, which work beside it, is in it.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const ROUNDS = 15;
const RUNS = 10;

const { Figures } = createRequire(import.meta.url)(resolve(process.argv[2]));
const figures = new Figures();

console.log(`check-200-lines ${median(() => figures.check_200_lines())}`);
console.log(`preview-50-steps ${median(() => figures.preview_50_steps())}`);

function median(run) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = process.cpuUsage();
    for (let index = 0; index < RUNS; index += 1) run();
    const { user, system } = process.cpuUsage(begun);
    rounds.push((user + system) / 1e3 / RUNS);
  }
  rounds.sort((a, b) => a - b);
  return rounds[(ROUNDS - 1) / 2].toFixed(3);
}
