import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { faultsIn } from "../testkit/config-faults.ts";
import {
  ConfigError,
  commonConfig,
  describeConfig,
  kafkaConfig,
  parseConfig,
  postgresConfig,
  redisConfig,
  secret,
} from "./config.ts";

const schema = Type.Object({
  ...commonConfig,
  ...kafkaConfig,
  ...postgresConfig,
  ...redisConfig,
  FEE_RATE: Type.Number({ minimum: 0, maximum: 1, description: "share of the total" }),
  DRY_RUN: Type.Boolean({ default: false, description: "only say what would be done" }),
  TOKEN: secret(Type.String({ minLength: 32, description: "signs tokens" })),
  NICKNAME: Type.Optional(Type.String({ description: "shown in logs" })),
});
const good = {
  KAFKA_BROKERS: "10.0.0.1:9092,kafka-2:9092",
  DATABASE_URL: "postgres://me:hush@db:5432/saga",
  REDIS_URL: "redis://cache:6379",
  FEE_RATE: "0.25",
  TOKEN: "a".repeat(32),
  UNRELATED: "1",
};

const faultsOf = (env: Record<string, string | undefined>) =>
  faultsIn(() => parseConfig("checkout-test", schema, env));

describe("parseConfig", () => {
  test("converts values, applies defaults, and ignores undeclared variables", () => {
    expect(parseConfig("checkout-test", schema, { ...good, OPS_PORT: "9464", DRY_RUN: "true" })).toEqual({
      OPS_HOST: "127.0.0.1",
      OPS_PORT: 9464,
      LOG_LEVEL: "info",
      SHUTDOWN_DELAY_MS: 0,
      SHUTDOWN_DEADLINE_MS: 20_000,
      KAFKA_BROKERS: "10.0.0.1:9092,kafka-2:9092",
      DATABASE_URL: "postgres://me:hush@db:5432/saga",
      DATABASE_POOL_SIZE: 8,
      REDIS_URL: "redis://cache:6379",
      FEE_RATE: 0.25,
      DRY_RUN: true,
      TOKEN: "a".repeat(32),
    });
  });

  test("reports all faults at once in declaration order, missing and malformed ones", () => {
    const faults = faultsOf({
      OPS_PORT: "70000",
      LOG_LEVEL: "loud",
      DATABASE_URL: "",
      REDIS_URL: "cache:6379",
      DRY_RUN: "yes",
    });
    expect(faults.map((fault) => fault.split(" ")[0])).toEqual([
      "OPS_PORT",
      "LOG_LEVEL",
      "KAFKA_BROKERS",
      "DATABASE_URL",
      "REDIS_URL",
      "FEE_RATE",
      "DRY_RUN",
      "TOKEN",
    ]);
    expect(faults[0]).toBe(
      "OPS_PORT is not valid: set it to a whole number from 0 to 65535 (port of /healthz, /readyz and /metrics; 0 picks a free port and logs it)",
    );
    expect(faults[1]).toContain("one of debug, info, warn, error");
    expect(faults[3]).toContain("is missing: set it to a URL, postgres://user:password@host:port/database");
    expect(faults[7]).toContain("set it to text, at least 32 characters");
  });

  test("never repeats a value", () => {
    const error = new ConfigError(
      "r",
      faultsOf({ ...good, TOKEN: "hunter2", DATABASE_URL: "mysql://me:hunter2@db/x" }),
    );
    expect(error.faults).toHaveLength(2);
    expect(error.message).not.toContain("hunter2");
  });

  test.each([
    ["OPS_PORT", "1e3"],
    ["OPS_PORT", " 80"],
    ["FEE_RATE", "1.5"],
    ["FEE_RATE", "NaN"],
    ["KAFKA_BROKERS", "kafka"],
    ["KAFKA_BROKERS", "kafka:9092,"],
    ["DATABASE_URL", "postgres://db"],
    ["DATABASE_URL", "postgres://db1:5432,db2:none/saga"],
    ["DATABASE_URL", "postgres://db1,/saga"],
    ["REDIS_URL", "http://cache"],
    ["REDIS_SENTINELS", "s1:26379,s2:26379"],
    ["REDIS_SENTINELS", "redis://s1:26379,s2:26379"],
  ])("rejects %s=%p", (name, value) => {
    expect(faultsOf({ ...good, [name]: value })).toHaveLength(1);
  });
});

test("describeConfig describes each variable, says if it is required, and marks secrets", () => {
  const text = describeConfig(schema);
  expect(text).toContain(
    "OPS_PORT\n      port of /healthz, /readyz and /metrics; 0 picks a free port and logs it\n      a whole number from 0 to 65535; default 0",
  );
  expect(text).toContain("text, at least 32 characters; secret, also as TOKEN_FILE; required");
  expect(text).toContain("shown in logs\n      text; optional");
});
