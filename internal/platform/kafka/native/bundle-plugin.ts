// For `Bun.build({ compile })`: puts the addon into the binary. Bun unpacks an embedded .node file when it is required, so both places
// that load the addon are replaced by a plain require of the built file.

import type { BunPlugin } from "bun";

/** `nodePath` is the path that `buildNative` returned. */
export function kafkaNativePlugin(nodePath: string): BunPlugin {
  const file = JSON.stringify(nodePath);
  return {
    name: "kafka-native",
    setup(build) {
      build.onLoad({ filter: /[/\\]kafka-javascript[/\\]librdkafka\.js$/ }, () => ({
        contents: `module.exports = require(${file});`,
        loader: "js",
      }));
      build.onLoad({ filter: /[/\\]platform[/\\]kafka[/\\]native[/\\]load\.ts$/ }, () => ({
        contents: `export const loadAddon = () => require(${file});`,
        loader: "js",
      }));
    },
  };
}
