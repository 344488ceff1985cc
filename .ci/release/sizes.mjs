import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * How many bytes of the package's own code each entry brings, minified and gzipped: everything that it exports, without
 * what it depends on.
 */
export async function entrySizes(root, manifest) {
  const entries = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
  const sizes = new Map();
  for (const key of entries) {
    const { outputFiles } = await build({
      entryPoints: [join(root, manifest.exports[key].default)],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      packages: "external",
      write: false,
      logLevel: "error",
    });
    sizes.set(key === "." ? "index" : key.slice(2), gzipSync(outputFiles[0].contents).length);
  }
  return sizes;
}
