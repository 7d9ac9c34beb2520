// Loads the addon when running from source. A compiled binary carries the addon instead: there bundle-plugin.ts
// replaces this file by one that imports it.

import { Module } from "node:module";

import { AppError } from "../../../kernel/errors.ts";
import { builtAddon } from "./cache.ts";
import type { Addon } from "./types.ts";

/** The addon's exports, also put where the package's own files look for theirs. */
export function loadAddon(): Addon {
  const file = builtAddon();
  if (file === undefined) {
    const message =
      "the Kafka addon is not built for these sources; run: bun internal/platform/kafka/native/build.ts";
    throw new AppError("NATIVE_BUILD_FAILED", message);
  }
  const addon: Addon = require(file);
  // The package would search node_modules for a build against Node; finding this entry, it searches nothing.
  const id = require.resolve("@confluentinc/kafka-javascript/librdkafka.js");
  require.cache[id] = Object.assign(new Module(id), { exports: addon, loaded: true });
  return addon;
}
