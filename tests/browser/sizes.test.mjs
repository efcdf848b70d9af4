// What a visitor downloads, compressed as a server would. The budgets follow the sizes; raising one is a decision.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { dist } from "./harness.mjs";

const KIB = 1024;
const engine = readdirSync(dist).find((name) => name.startsWith("engine-"));

/** Bytes of a file after brotli. */
function compressed(file) {
  const bytes = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
  return brotliCompressSync(bytes, { params }).length;
}

function check(what, file, budget) {
  test(`${what} is at most ${budget / KIB} KiB`, (t) => {
    const size = compressed(file);
    t.diagnostic(`${what}: ${(size / KIB).toFixed(1)} KiB`);
    assert.ok(size <= budget, `${file}: expected at most ${budget} bytes, found ${size}`);
  });
}

const find = (pattern) => join(dist, readdirSync(dist).find((name) => pattern.test(name)) ?? `nothing like ${pattern}`);

// The line to the native companion is in it: the question before a run, preview and reality side by side, the images of the machine.
check("the page's module", find(/_bg\.wasm$/), 400 * KIB);
check("the page's glue", find(/^layerlab-page-.*\.js$/), 20 * KIB);
// The machines are in it: the docker command language, daemons, registries and their client. A module of their own would spare those who only build.
// 5 KiB of it call every operation by BuildKit's digest, as the native program must for caches that both share.
check("the engine's module", join(dist, engine, "engine_bg.wasm"), 1070 * KIB);
check("the shell's module", join(dist, engine, "shell_bg.wasm"), 1860 * KIB);
check("the editor", find(/^editor-.*\.js$/), 150 * KIB);
