// For `Bun.build({ compile })`: puts the addon into the binary. Bun unpacks an embedded .node file when it is required, so both places
// that load the addon are replaced by a plain require of the built file.

import type { BunPlugin } from "bun";

/** Stands for the built file in the bundled source and its source map, so that a binary does not name the folder of its build. */
const SPECIFIER = "checkout-kafka-addon";

/** `nodePath` is the path that `buildNative` returned. */
export function kafkaNativePlugin(nodePath: string): BunPlugin {
  return {
    name: "kafka-native",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${SPECIFIER}$`) }, () => ({ path: nodePath }));
      build.onLoad({ filter: /[/\\]kafka-javascript[/\\]librdkafka\.js$/ }, () => ({
        contents: `module.exports = require("${SPECIFIER}");`,
        loader: "js",
      }));
      build.onLoad({ filter: /[/\\]platform[/\\]kafka[/\\]native[/\\]load\.ts$/ }, () => ({
        contents: `export const loadAddon = () => require("${SPECIFIER}");`,
        loader: "js",
      }));
    },
  };
}
