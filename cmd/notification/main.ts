// Starts the notification service, which sends the mail at the end of a checkout. Wiring only.
import { runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { openDatabase } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { openRedis, redisOf } from "../../internal/platform/redis.ts";
import { watchRedis } from "../../internal/platform/watch-redis.ts";
import { Courier } from "../../internal/services/notification/courier.ts";
import { Notifier, sendToDeadLetters } from "../../internal/services/notification/notifier.ts";
import { openSmtp } from "../../internal/services/notification/smtp.ts";
import { notificationMetrics } from "../../internal/services/notification/telemetry.ts";
import { WaitingMails } from "../../internal/services/notification/waiting-mails.ts";
import { config, faultsOf } from "./config.ts";
import { linksOf } from "./links.ts";
import { namesOf } from "./names.ts";
import { openKafka } from "./kafka.ts";

const NAME = "checkout-notification";
const HOUR_MS = 60 * 60 * 1_000;

await runRole({
  name: NAME,
  description: "Sends mails to shoppers: confirmed orders and failed checkouts.",
  config,
  faults: faultsOf,
  async start(context) {
    const { config: env, log, metrics: meter, tracer, ops, resources, stopping } = context;
    const maxConnections = env.SMTP_MAX_CONNECTIONS;
    const shop = { name: env.SHOP_NAME, linkOf: linksOf(env) };
    const smtp = resources.use(
      "smtp",
      openSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM, shopName: shop.name, maxConnections }),
    );
    const metrics = notificationMetrics(meter);
    const names = await namesOf(env, log);
    const shared = { clock: systemClock, random: Math.random, metrics, log, shop, names, tracer };
    const courier = new Courier({ ...shared, post: smtp.post, verify: smtp.verify, maxConnections });
    // A required check: a role that cannot send mails is not ready.
    ops.addCheck("smtp", () => courier.ready());
    const database = await openDatabase(NAME, "notification", context);
    const keyValue = resources.use("redis", openRedis({ ...redisOf(env), log, metrics: meter }));
    watchRedis(context, keyValue);
    await keyValue.requireSingleServer();
    const { producer, consumer } = await openKafka(context);
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
      intervalMs: 1_000,
      // A mail that has to wait waits for at least half a minute.
      idleIntervalMs: 4_000,
    });
    const notifier = new Notifier({ ...shared, consumer, producer, keyValue, courier, waiting });
    // Not awaited: it runs until the role stops. A rejection is unhandled and ends the process.
    const running = notifier.run(stopping);
    resources.defer("notifier", () => running);
  },
});
