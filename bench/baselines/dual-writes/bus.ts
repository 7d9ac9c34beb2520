// Kafka for the baseline's services: a message is published after the sender's commit, and offsets are committed after all messages of
// a batch are handled. Delivery is at least once, as the client's documentation advises.
import { FIELD_SEPARATOR } from "../../../internal/kernel/ports.ts";
import { openAdmin } from "../../../internal/platform/kafka/admin.ts";
import { openConsumer } from "../../../internal/platform/kafka/consumer.ts";
import { openProducer } from "../../../internal/platform/kafka/producer.ts";

const PARTITIONS = 16;
/** Long, because four processes create topics and join groups at once, possibly on a broker that has just started. */
const CONNECT_TIMEOUT_MS = 60_000;
/** Messages of a batch are handled concurrently, because the provider may take half a second for each. */
const MAX_BATCH = 500;
const RETRY_DELAY_MS = 500;

export type Line = { readonly sku_id: string; readonly quantity: number };

export type Message =
  | { readonly type: "ReserveStock"; readonly saga_id: string; readonly items: readonly Line[] }
  | { readonly type: "ReleaseStock"; readonly saga_id: string }
  | {
      readonly type: "ChargeCard";
      readonly saga_id: string;
      readonly amount_cents: number;
      readonly currency: string;
      readonly card: string;
    }
  | {
      readonly type: "CreateOrder";
      readonly saga_id: string;
      readonly items: readonly Line[];
      readonly total_cents: number;
    }
  | { readonly type: "StockReserved"; readonly saga_id: string; readonly total_cents: number }
  | { readonly type: "CardCharged" | "OrderCreated" | "StockReleased"; readonly saga_id: string }
  | { readonly type: "OutOfStock" | "CardDeclined"; readonly saga_id: string };

const TOPICS = ["inventory", "payment", "order", "events"] as const;
export type Topic = (typeof TOPICS)[number];

export interface BusOptions {
  readonly brokers: string;
  /** The prefix of topics and groups, so that several runs can share a broker. */
  readonly prefix: string;
  /** The name of the service. */
  readonly name: string;
  /** Partitions of a new topic. Default: the same as in this system. */
  readonly partitions?: number;
}

export interface Bus extends AsyncDisposable {
  /** Resolves when the message is in the log. */
  publish(topic: Topic, message: Message): Promise<void>;
}

/** Consumes `topic` in the service's group and calls `handle` with each message until it does not throw. */
export async function openBus(
  { brokers, prefix, name, partitions = PARTITIONS }: BusOptions,
  topic: Topic,
  handle: (message: Message, bus: Bus) => Promise<void>,
): Promise<Bus> {
  const topicName = (short: Topic) => `${prefix}-${short}`;
  const options = { brokers, clientId: `${prefix}-${name}`, connectTimeoutMs: CONNECT_TIMEOUT_MS };
  await using admin = await openAdmin(options);
  await admin.createTopics(
    TOPICS.map((short) => ({ topic: topicName(short), partitions, replicationFactor: 1 })),
  );
  const producer = await openProducer(options);
  // A static member: after a restart it gets its partitions back without waiting for the end of its session.
  const group = { groupId: `${prefix}-${name}`, instanceId: name };
  const consumer = await openConsumer({ ...options, ...group, topics: [topicName(topic)], types: [] });
  const stopping = new AbortController();

  const bus: Bus = {
    async publish(to, message) {
      const record = [topicName(to), message.saga_id, message.type, JSON.stringify(message)];
      const [failure] = await producer.produce(record.join(FIELD_SEPARATOR));
      if (failure !== undefined) throw new Error(`${message.type} was not published: ${failure.message}`);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await consumer.close();
      await reading;
      await producer.close();
    },
  };
  const handleUntilDone = async (message: Message) => {
    while (!stopping.signal.aborted) {
      try {
        return await handle(message, bus);
      } catch (error) {
        console.error(error);
        await Bun.sleep(RETRY_DELAY_MS);
      }
    }
  };
  const readBatch = async () => {
    const batch = await consumer.poll({ maxMessages: MAX_BATCH, waitMs: 1_000, lingerMs: 0 });
    if (batch === null) return;
    await Promise.all(batch.values.filter(isMessage).map(handleUntilDone));
    if (!stopping.signal.aborted) batch.done();
    batch.release();
  };
  const reading = (async () => {
    while (!stopping.signal.aborted) {
      await readBatch().catch(async (error: unknown) => {
        if (stopping.signal.aborted) return;
        console.error(error);
        await Bun.sleep(RETRY_DELAY_MS);
      });
    }
  })();
  return bus;
}

/** Only these services write to these topics, so a check of the shape is enough. */
function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "type" in value && "saga_id" in value;
}
