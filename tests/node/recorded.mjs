// Holds the engine's WebAssembly build against recorded BuildKit cases, as the cases' own script holds the native program.
//
// usage: node recorded.mjs PROBE.js FOLDER [KIND...]
//
// PROBE.js is the module that `cargo xtask recorded` makes; FOLDER has cases/, rebuilds/ and bases/, and ../lint beside it.
// For each kind it prints the differences and a line `KIND (WebAssembly): N of M agree with BuildKit`.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const SHOWN = 5;
const KINDS = { images, rebuilds, lint, real };
const [probe, folder, ...kinds] = process.argv.slice(2);
const { Builds } = createRequire(import.meta.url)(resolve(probe));

for (const kind of kinds.length > 0 ? kinds : Object.keys(KINDS)) {
  const results = KINDS[kind]();
  const wrong = results.filter(([, why]) => why !== null);
  for (const [name, why] of wrong.slice(0, SHOWN)) console.log(`${name}: ${why}`);
  console.log(`${kind} (WebAssembly): ${results.length - wrong.length} of ${results.length} agree with BuildKit`);
}

function images() {
  return cases("cases").map((recorded) => [recorded.name, attempt(() => image(recorded))]);
}

function rebuilds() {
  return cases("rebuilds").map((recorded) => [recorded.name, attempt(() => rebuild(recorded))]);
}

function lint() {
  return cases("../lint/cases").map((recorded) => [recorded.name, attempt(() => checks(recorded))]);
}

function real() {
  const all = JSON.parse(readFileSync(join(folder, "../lint/real.json"), "utf8"));
  return all
    .filter((recorded) => !("error" in recorded.expect))
    .map((recorded) => [recorded.source, attempt(() => checks(recorded))]);
}

function image({ context, dockerfile, build_args, target, source_date_epoch, expect }) {
  const builds = start();
  layOut(builds, context, dockerfile);
  const args = { ...build_args };
  if (source_date_epoch !== null) args.SOURCE_DATE_EPOCH = source_date_epoch;
  const got = build(builds, args, target);
  if (expect.error) {
    const { message, line } = expect.error;
    if (!got.error) return `built, where BuildKit failed: ${message}`;
    if (line && got.error.line !== line) {
      return `failed at line ${got.error.line}, BuildKit at ${line}: ${got.error.message}`;
    }
    return null;
  }
  if (got.error) return `failed: ${got.error.message}`;
  const wanted = expect.image.layers.map((layer) => layer.diff_id);
  if (!same(got.diff_ids, wanted)) return `layers differ:\n    got  ${got.diff_ids}\n    want ${wanted}`;
  if (got.image_id !== expect.image.image_id) {
    return `config differs:\n    got  ${got.config}\n    want ${expect.image.config_json}`;
  }
  return null;
}

function rebuild({ first, second, expect }) {
  const builds = start();
  layOut(builds, first.context, first.dockerfile);
  const before = build(builds, first.build_args, first.target);
  if (before.error) return `first build failed: ${before.error.message}`;
  builds.clear();
  // The first build's files were put now; those that were only touched bear another time.
  layOut(builds, second.context, second.dockerfile, second.only_mtimes_changed ? 1e8 : 0);
  const got = build(builds, second.build_args, second.target);
  if (got.error) return `second build failed: ${got.error.message}`;
  const wanted = expect.second.map(({ stage, step, cached }) => [stage, step, cached]);
  return differences(got.steps, wanted, "steps differ (stage, step, cached)");
}

function checks({ dockerfile, expect }) {
  const builds = start();
  layOut(builds, [], dockerfile);
  const wanted = expect.warnings.map(({ rule, line, detail }) => [rule, line, detail]);
  return differences(JSON.parse(builds.check()), wanted, "checks differ");
}

/** A builder with the base images of the recordings. */
function start() {
  const builds = new Builds();
  for (const file of readdirSync(join(folder, "bases")).filter((file) => file.endsWith(".oci.tar"))) {
    builds.base(file.slice(0, -".oci.tar".length), readFileSync(join(folder, "bases", file)));
  }
  return builds;
}

/** Puts a case's files, the Dockerfile among them, as a user has it. */
function layOut(builds, context, dockerfile, age = 0) {
  for (const { path, type, mode, content, base64, target } of context) {
    if (type === "dir") builds.put_dir(path, mode);
    else if (type === "symlink") builds.put_symlink(path, target);
    else builds.put(path, mode, age, base64 === undefined ? Buffer.from(content) : Buffer.from(base64, "base64"));
  }
  builds.put("Dockerfile", 0o644, age, Buffer.from(dockerfile));
}

function build(builds, args, target) {
  const pairs = Object.entries(args).map(([name, value]) => `${name}=${value}`);
  return JSON.parse(builds.build(pairs, target ?? ""));
}

/** Every case below a folder, in the order of their paths. */
function cases(below) {
  const files = readdirSync(join(folder, below), { recursive: true });
  return files
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, below, file), "utf8")));
}

/** A case that cannot even be compared does not agree. */
function attempt(compare) {
  try {
    return compare();
  } catch (error) {
    return String(error);
  }
}

function differences(got, wanted, what) {
  const texts = (rows) => rows.map((row) => JSON.stringify(row)).sort();
  const [ours, theirs] = [texts(got), texts(wanted)];
  if (same(ours, theirs)) return null;
  const only = (these, those) => these.filter((text) => !those.includes(text));
  return `${what}:\n    got  ${only(ours, theirs)}\n    want ${only(theirs, ours)}`;
}

function same(these, those) {
  return JSON.stringify(these) === JSON.stringify(those);
}
