// The notification service as a process of its own: wiring only. Sends the mails that end a checkout.
import { Type } from "@sinclair/typebox";
import { consumedTypes } from "../../internal/messaging/delivery.ts";
import { commonConfig, consumerConfig, redisConfig, secret } from "../../internal/platform/config.ts";
import { systemClock } from "../../internal/platform/consuming-role.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReopeningConsumer } from "../../internal/platform/kafka/reopening-consumer.ts";
import { openReopeningProducer } from "../../internal/platform/kafka/reopening-producer.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { openRedis } from "../../internal/platform/redis.ts";
import { NOTIFICATIONS, Notifier } from "../../internal/services/notification/notifier.ts";
import { openSmtp } from "../../internal/services/notification/smtp.ts";
import { notificationMetrics } from "../../internal/services/notification/telemetry.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...redisConfig,
  SMTP_URL: secret(Type.String({ format: "smtp-url", description: "mail server" })),
  MAIL_FROM: Type.String({
    default: "Checkout <no-reply@checkout.example>",
    minLength: 3,
    description: "sender of the mails",
  }),
});

await runRole({
  name: "checkout-notification",
  description: "Sends the shoppers' mails: orders confirmed, checkouts that failed.",
  config,
  async start({ config: env, log, metrics, ops, resources, stopping, untilReachable }) {
    const smtp = resources.use("smtp", openSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM }));
    ops.addCheck("smtp", () => smtp.ready(), { required: false });
    const keyValue = resources.use("redis", openRedis({ url: env.REDIS_URL, log, metrics }));
    const kafka = {
      brokers: env.KAFKA_BROKERS,
      clientId: NOTIFICATIONS.service,
      onEvent: logEvents(log, "consumer and producer", systemClock),
    };
    const producer = resources.use(
      "kafka producer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReopeningProducer({ ...kafka, settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES } }),
      ),
    );
    const { service: groupId, topics } = NOTIFICATIONS;
    const consumer = resources.use(
      "kafka consumer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReopeningConsumer({
          ...kafka,
          groupId,
          instanceId: env.INSTANCE_ID,
          topics,
          types: consumedTypes(NOTIFICATIONS),
        }),
      ),
    );
    const notifier = new Notifier({
      consumer,
      producer,
      keyValue,
      send: smtp.send,
      clock: systemClock,
      random: Math.random,
      metrics: notificationMetrics(metrics),
      log,
    });
    // Not awaited: it runs until the role stops. Its rejection is fatal and ends the process like any unhandled one.
    const running = notifier.run(stopping);
    resources.defer("notifier", () => running);
  },
});
