// The only access to the native side: our two batch classes and the package's raw client, loaded on first use. Called by consumer.ts,
// producer.ts and admin.ts. Tools that never open Kafka never need the addon.

import type {
  GlobalConfig,
  IAdminClient,
  KafkaConsumer,
  Metadata,
  MetadataOptions,
} from "@confluentinc/kafka-javascript";

import { loadAddon } from "./native/load.ts";
import type { Addon, NativeError } from "./native/types.ts";

/** The package's types omit that an admin client has getMetadata and a native object, like every client. */
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
    // After the addon, because these files need it when they load. Only the raw client, because the package's KafkaJS layer is not
    // used.
    KafkaConsumer: require("@confluentinc/kafka-javascript/lib/kafka-consumer.js"),
    AdminClient: require("@confluentinc/kafka-javascript/lib/admin.js"),
  };
  return loaded;
}
