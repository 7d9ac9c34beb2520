// A role that only misbehaves on request. Started as a process by lifecycle.int.test.ts.
import { Type } from "@sinclair/typebox";
import { AppError } from "../kernel/errors.ts";
import { commonConfig, kafkaConfig, secret } from "../platform/config.ts";
import { runRole } from "../platform/lifecycle.ts";

const { KAFKA_BROKERS: _, ...securityConfig } = kafkaConfig;

await runRole({
  name: "checkout-example",
  description: "Misbehaves on request.",
  config: Type.Object({
    ...commonConfig,
    // Without the brokers: it connects to none.
    ...securityConfig,
    BEHAVIOUR: Type.String({ description: "which fault to show" }),
    TOKEN: secret(Type.String({ minLength: 8, description: "a secret" })),
  }),
  async start({ config, log, resources, stopping, tracer, untilReachable }) {
    tracer.root("start").end();
    resources.defer("first", () => log.info("first closed"));
    resources.defer("second", async () => {
      if (config.BEHAVIOUR === "slow to stop") await new Promise(() => undefined);
      if (config.BEHAVIOUR === "fails to stop") throw new Error("stuck");
      log.info("second closed");
    });
    stopping.addEventListener("abort", () => log.info("told to stop"));
    switch (config.BEHAVIOUR) {
      case "waits":
        await untilReachable("a server", () =>
          Promise.reject(new AppError("SERVICE_UNAVAILABLE", "nobody there")),
        );
        break;
      case "waits in silence":
        await untilReachable("a server", () => new Promise(() => undefined));
        break;
      case "cannot start":
        throw new AppError("MIGRATION_FAILED", "the schema is behind: run checkoutctl migrate");
      case "crashes":
        setTimeout(() => {
          throw new Error("boom");
        }, 10);
        break;
      case "hangs":
        setTimeout(() => {
          log.info("hanging");
          for (;;);
        }, 200);
        break;
      case "rejects":
        setTimeout(() => void Promise.reject(new Error("boom")), 10);
        break;
    }
  },
});
