// Loads the addon when running from source. A compiled binary carries the addon instead: there bundle-plugin.ts
// replaces this file by one that imports it.

import { AppError } from "../../../kernel/errors.ts";
import { builtAddon } from "./cache.ts";

/** The addon's exports, also put where the package's own files look for theirs. */
export function loadAddon(): unknown {
  const file = builtAddon();
  if (file === undefined) {
    const message =
      "the Kafka addon is not built for these sources; run: bun internal/platform/kafka/native/build.ts";
    throw new AppError("NATIVE_BUILD_FAILED", message);
  }
  const addon: unknown = require(file);
  // The package would search node_modules for a build against Node; finding this entry, it searches nothing.
  const id = require.resolve("@confluentinc/kafka-javascript/librdkafka.js");
  const entry = { id, path: id, filename: id, exports: addon, loaded: true, children: [], paths: [] };
  require.cache[id] = entry as unknown as NodeJS.Module;
  return addon;
}
