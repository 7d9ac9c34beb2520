// The notification service as a process of its own: wiring only. Sends the mails that end a checkout.
import { Type } from "@sinclair/typebox";
import { consumedTypes } from "../../internal/messaging/delivery.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import {
  commonConfig,
  consumerConfig,
  postgresConfig,
  redisConfig,
  secret,
} from "../../internal/platform/config.ts";
import { openDatabase, systemClock } from "../../internal/platform/consuming-role.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReconnectingConsumer } from "../../internal/platform/kafka/reconnecting-consumer.ts";
import { openReconnectingProducer } from "../../internal/platform/kafka/reconnecting-producer.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { openRedis } from "../../internal/platform/redis.ts";
import { Courier } from "../../internal/services/notification/courier.ts";
import { NOTIFICATIONS } from "../../internal/services/notification/notifications.ts";
import { sendToDeadLetters, Notifier } from "../../internal/services/notification/notifier.ts";
import { openSmtp } from "../../internal/services/notification/smtp.ts";
import { notificationMetrics } from "../../internal/services/notification/telemetry.ts";
import { WaitingMails } from "../../internal/services/notification/waiting-mails.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";

const WAITING_INTERVAL_MS = 1_000;
const HOUR_MS = 60 * 60 * 1_000;

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...postgresConfig,
  ...redisConfig,
  SMTP_URL: secret(Type.String({ format: "smtp-url", description: "mail server" })),
  SMTP_MAX_CONNECTIONS: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 200,
    description:
      "connections to the mail server at a time; fewer are used where it says that these are too many",
  }),
  MAIL_FROM: Type.String({
    default: "Checkout <no-reply@checkout.example>",
    minLength: 3,
    description: "sender of the mails",
  }),
  MAIL_RETRY_HOURS: Type.Integer({
    default: 48,
    minimum: 1,
    maximum: 240,
    description:
      'how long a mail that is answered with "later" is tried again before it becomes a dead letter, in hours',
  }),
});

await runRole({
  name: "checkout-notification",
  description: "Sends the shoppers' mails: orders confirmed, checkouts that failed.",
  config,
  async start(context) {
    const { config: env, log, metrics: meter, ops, resources, stopping, untilReachable } = context;
    const metrics = notificationMetrics(meter);
    const smtp = resources.use(
      "smtp",
      openSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM, maxConnections: env.SMTP_MAX_CONNECTIONS }),
    );
    const shared = { clock: systemClock, random: Math.random, metrics, log };
    const courier = new Courier({
      ...shared,
      post: smtp.post,
      verify: smtp.verify,
      maxConnections: env.SMTP_MAX_CONNECTIONS,
    });
    // Required: a role whose mails cannot be sent does not do its work.
    ops.addCheck("smtp", () => courier.ready());
    const database = await openDatabase("checkout-notification", "notification", context);
    const keyValue = resources.use("redis", openRedis({ url: env.REDIS_URL, log, metrics: meter }));
    await keyValue.requireSingleServer();
    const kafka = {
      brokers: env.KAFKA_BROKERS,
      clientId: NOTIFICATIONS.service,
      onEvent: logEvents(log, "consumer and producer", systemClock),
    };
    const producer = resources.use(
      "kafka producer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReconnectingProducer({ ...kafka, settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES } }),
      ),
    );
    const { service: groupId, topics } = NOTIFICATIONS;
    const consumer = resources.use(
      "kafka consumer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReconnectingConsumer({
          ...kafka,
          groupId,
          instanceId: env.INSTANCE_ID,
          topics,
          types: consumedTypes(NOTIFICATIONS),
        }),
      ),
    );
    const waiting = new WaitingMails({
      ...shared,
      database,
      courier,
      keyValue,
      sendToDeadLetters: (records) => sendToDeadLetters(producer, records),
      giveUpAfterMs: env.MAIL_RETRY_HOURS * HOUR_MS,
    });
    resources.defer("attempts on mails", () => waiting.idle());
    resources.use("courier", courier);
    runLoop(context, {
      name: "waiting mails",
      runOnce: () => waiting.runOnce(),
      intervalMs: WAITING_INTERVAL_MS,
    });
    const notifier = new Notifier({ ...shared, consumer, producer, keyValue, courier, waiting });
    // Not awaited: it runs until the role stops. Its rejection is fatal and ends the process like any unhandled one.
    const running = notifier.run(stopping);
    resources.defer("notifier", () => running);
  },
});
