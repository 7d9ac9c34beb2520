// Loads the addon when running from source. A compiled binary contains the addon: there bundle-plugin.ts replaces this file by one that
// imports it.

import { Module } from "node:module";

import { AppError } from "../../../kernel/errors.ts";
import { builtAddon } from "./cache.ts";
import type { Addon } from "./types.ts";

/** Returns the addon's exports, and also registers them where the package's own files look for their addon. */
export function loadAddon(): Addon {
  const file = builtAddon();
  if (file === undefined) {
    const message =
      "the Kafka addon is not built for these sources; run: bun internal/platform/kafka/native/build.ts";
    throw new AppError("NATIVE_BUILD_FAILED", message);
  }
  const addon: Addon = require(file);
  // Without this entry the package would search node_modules for a build against Node.
  const id = require.resolve("@confluentinc/kafka-javascript/librdkafka.js");
  require.cache[id] = Object.assign(new Module(id), { exports: addon, loaded: true });
  return addon;
}
