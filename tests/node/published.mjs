// Writes published Dockerfiles as files: `node published.mjs REAL.json FOLDER` makes FOLDER/NNN/Dockerfile of each.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [source, folder] = process.argv.slice(2);
const all = JSON.parse(readFileSync(source, "utf8")).filter((recorded) => !("error" in recorded.expect));
for (const [index, { dockerfile }] of all.entries()) {
  const dir = join(folder, String(index).padStart(3, "0"));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "Dockerfile"), dockerfile);
}
