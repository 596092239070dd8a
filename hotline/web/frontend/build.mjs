// Builds the desk's scripts, styles and icons into hotline/web/static/dist, with a hash in every name,
// and writes manifest.json: source name → built name. Run by hatch_build.py; by hand: `npm run build`.
// What only one page needs is imported by `import()` (pages/index.js) and becomes a file of its own; what it shares with
// the others stands in chunks. first-page.json names the scripts that every page loads: the test of their size reads it.
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "static", "dist");
const entries = ["app.js", "signin.js", "demo.js", "templates.js", "styles/app.css", "styles/demo.css", "icons.svg", "favicon.svg"];

await mkdir(dist, { recursive: true });
const result = await build({
  absWorkingDir: here,
  entryPoints: entries,
  outdir: dist,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  splitting: true,
  target: ["es2023", "chrome123", "firefox121", "safari17.5"],
  minify: true,
  sourcemap: "linked",
  legalComments: "eof",
  loader: { ".svg": "copy" },
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [output, { entryPoint }] of Object.entries(result.metafile.outputs)) {
  if (entryPoint) manifest[basename(entryPoint)] = basename(output);
}

/** A script with what it imports at once, and what that imports. */
function loadedWith(output, found = new Set()) {
  if (found.has(output)) return found;
  found.add(output);
  for (const { path, kind } of result.metafile.outputs[output].imports) {
    if (kind === "import-statement") loadedWith(path, found);
  }
  return found;
}
const app = Object.keys(result.metafile.outputs).find((output) => basename(output) === manifest["app.js"]);
const firstPage = [...loadedWith(app)].map((output) => basename(output)).sort();
// A copied file (an icon sheet) has no entryPoint of its own in the metafile; its only input is the source.
for (const [output, { entryPoint, inputs }] of Object.entries(result.metafile.outputs)) {
  const [only, ...more] = Object.keys(inputs);
  if (!entryPoint && only && more.length === 0 && entries.includes(relative(".", only))) {
    manifest[basename(only)] = basename(output);
  }
}
const missing = entries.map((entry) => basename(entry)).filter((name) => !(name in manifest));
if (missing.length) throw new Error(`not built: ${missing.join(", ")}`);
const unfinished = join(dist, `manifest-${process.pid}.json`);
await writeFile(unfinished, `${JSON.stringify(manifest, null, 1)}\n`);
await rename(unfinished, join(dist, "manifest.json"));
await writeFile(join(dist, "first-page.json"), `${JSON.stringify(firstPage, null, 1)}\n`);

// What an earlier build left goes after an hour: until then a server that was started with it still names it.
const made = new Set([...Object.keys(result.metafile.outputs).map((output) => basename(output)), "manifest.json", "first-page.json", ".fingerprint"]);
for (const name of await readdir(dist)) {
  const path = join(dist, name);
  if (!made.has(name) && (await stat(path)).mtimeMs < Date.now() - 3_600_000) await rm(path, { force: true });
}
