// Kafka as the baseline's services use it: a message is published when its sender's database has committed, and a batch that was
// read counts as done when all of its messages are handled. At least once, as the client's documentation advises.
import { FIELD_SEPARATOR } from "../../../internal/kernel/ports.ts";
import { openAdmin } from "../../../internal/platform/kafka/admin.ts";
import { openConsumer } from "../../../internal/platform/kafka/consumer.ts";
import { openProducer } from "../../../internal/platform/kafka/producer.ts";

const PARTITIONS = 16;
/** Four processes make topics and join groups at once, on a broker that may just have started. */
const CONNECT_TIMEOUT_MS = 60_000;
/** Of one batch are all handled at once: the provider may take half a second for each. */
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
  /** In front of topics and groups; lets several runs share a broker. */
  readonly prefix: string;
  /** The service. */
  readonly name: string;
  /** Of a topic that is made now; by default as many as this system's have. */
  readonly partitions?: number;
}

export interface Bus extends AsyncDisposable {
  /** Resolves when it is in the log. */
  publish(topic: Topic, message: Message): Promise<void>;
}

/** Hands each message of `topic` to `handle`, as one of the service's group, until it does not throw. */
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
  // The same member after a restart: its partitions wait for it instead of for the end of its session.
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

/** Nobody but these services writes to these topics, so what has the form of a message is one. */
function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "type" in value && "saga_id" in value;
}
