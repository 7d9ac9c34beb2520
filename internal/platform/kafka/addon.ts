// The one door to the native side: our two batch classes and the package's raw client, loaded on first use.
// Called by consumer.ts, producer.ts and admin.ts; tools that never open Kafka never need the addon.

import type {
  GlobalConfig,
  IAdminClient,
  KafkaConsumer,
  Metadata,
  MetadataOptions,
} from "@confluentinc/kafka-javascript";

import { loadAddon } from "./native/load.ts";
import type { Addon, NativeError } from "./native/types.ts";

/** The package's types leave out that an admin client, like every client, has getMetadata and a native object. */
export type AdminClient = IAdminClient & {
  readonly _client: unknown;
  getMetadata(options: MetadataOptions, done: (error: NativeError, metadata: Metadata) => void): void;
};

export interface Kafka {
  readonly addon: Addon;
  readonly KafkaConsumer: typeof KafkaConsumer;
  readonly AdminClient: {
    create(
      conf: GlobalConfig,
      eventHandlers: Record<string, (event: { message: string }) => void>,
    ): AdminClient;
  };
}

let loaded: Kafka | undefined;

export function kafka(): Kafka {
  loaded ??= {
    addon: loadAddon(),
    // After the addon, because these files look for it when they are loaded. The raw client only: the package's
    // KafkaJS layer is not used.
    KafkaConsumer: require("@confluentinc/kafka-javascript/lib/kafka-consumer.js"),
    AdminClient: require("@confluentinc/kafka-javascript/lib/admin.js"),
  };
  return loaded;
}
