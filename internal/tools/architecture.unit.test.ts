// Every source file follows the architecture rules, and the checker finds each kind of violation.
import { describe, expect, test } from "bun:test";
import { REPOSITORY } from "../stack/paths.ts";
import { brokenRules } from "./architecture.ts";

test("every source file follows the rules", async () => {
  const files = await Array.fromAsync(
    new Bun.Glob("{cmd,internal,schemas,bench}/**/*.{ts,tsx}").scan({ cwd: REPOSITORY }),
  );
  const sources = files.filter((path) => !path.endsWith(".d.ts"));
  expect(sources.length).toBeGreaterThan(100);
  const broken = await Promise.all(
    sources.map(async (path) => brokenRules(path, await Bun.file(`${REPOSITORY}/${path}`).text())),
  );
  expect(broken.flat().toSorted()).toEqual([]);
});

describe("a file that breaks a rule is found:", () => {
  const cases: readonly (readonly [path: string, source: string, ...broken: string[]])[] = [
    [
      "schemas/fields.ts",
      'import { AppError } from "../internal/kernel/errors.ts";',
      "schemas may not import internal/kernel/errors.ts",
    ],
    ["schemas/fields.ts", 'import { Elysia } from "elysia";', "schemas may not import elysia"],
    [
      "internal/kernel/money.ts",
      'import { join } from "node:path";',
      "internal/kernel may not import node:path",
    ],
    [
      "internal/kernel/money.ts",
      'import type { Uuid } from "../../schemas/fields.ts";',
      "internal/kernel may not import schemas/fields.ts",
    ],
    [
      "internal/messaging/message-processor.ts",
      'import { decide } from "../orchestrator/saga.ts";',
      "internal/messaging may not import internal/orchestrator/saga.ts",
    ],
    [
      "internal/messaging/message-processor.ts",
      'export * from "../platform/postgres.ts";',
      "internal/messaging may not import internal/platform/postgres.ts",
    ],
    [
      "internal/services/order/handler.ts",
      'import {\n  decide,\n} from "../inventory/decide.ts";',
      "internal/services/order may not import internal/services/inventory/decide.ts",
    ],
    [
      "internal/services/payment/providers/stripe.ts",
      'const later = await import("../../order/decide.ts");',
      "internal/services/payment may not import internal/services/order/decide.ts",
    ],
    [
      "internal/audit/audit.ts",
      'import { STEPS } from "../orchestrator/steps.ts";',
      "internal/audit may not import internal/orchestrator/steps.ts",
    ],
    ["bench/load.ts", 'import "../internal/gateway/app.ts";', "bench may not import internal/gateway/app.ts"],
    [
      "internal/orchestrator/api.ts",
      'import { Page } from "../storefront/parts/layout.tsx";',
      "internal/orchestrator may not import internal/storefront/parts/layout.tsx",
    ],
    [
      "internal/storefront/pages/cart.tsx",
      'import { AppError } from "../../gateway/problem.ts";\nexport const a = <p />;',
      "internal/storefront may not import internal/gateway/problem.ts",
    ],
    [
      "cmd/console/runs.ts",
      'import { print } from "../checkoutctl/command.ts";',
      "cmd/console may not import cmd/checkoutctl/command.ts",
    ],
    ["internal/novel/a.ts", "", "add its folder to the import table"],
    [
      "internal/orchestrator/store.ts",
      'import postgres from "postgres";',
      "only the platform may open postgres",
    ],
    ["internal/gateway/app.ts", 'import { createClient } from "redis";', "only the platform may open redis"],
    [
      "cmd/relay/main.ts",
      'const kafka = require("@confluentinc/kafka-javascript/lib/producer.js");',
      "only the platform may open @confluentinc/kafka-javascript/lib/producer.js",
    ],
    [
      "internal/platform/log.ts",
      'const level = process.env["LOG_LEVEL"];',
      "only the config parser may read process.env",
    ],
    ["internal/orchestrator/handler.ts", "await tx`select 1`;", "SQL belongs in a store"],
    ["internal/gateway/app.ts", "await sql<Row[]>`select 1`;", "SQL belongs in a store"],
    ["internal/orchestrator/saga.ts", "const now = Date.now();", "a pure file may not name Date"],
    [
      "internal/orchestrator/saga.ts",
      "const spread = Math.random();",
      "a pure file may not name Math.random",
    ],
    [
      "internal/services/order/decide.ts",
      "const id = crypto.randomUUID();",
      "a pure file may not name crypto",
    ],
    ["internal/kernel/ids.ts", "const id = `id-${Bun.randomUUIDv7()}`;", "a pure file may not name Bun"],
    ["internal/audit/invariants/money.ts", "const { pid } = process;", "a pure file may not name process"],
  ];
  for (const [path, source, ...broken] of cases) {
    test(`${path}: ${source.split("\n").join(" ")}`, () => {
      expect(brokenRules(path, source)).toEqual(broken.map((rule) => `${path}: ${rule}`));
    });
  }
});

describe("a file that follows the rules is accepted:", () => {
  const cases: readonly (readonly [path: string, source: string])[] = [
    ["schemas/fields.ts", 'import { Type } from "@sinclair/typebox";\nimport { A } from "./a.ts";'],
    ["internal/orchestrator/store.ts", 'import type { Sql } from "postgres";\nawait sql`select 1`;'],
    ["internal/services/order/handler.ts", 'import { decide } from "./decide.ts";'],
    ["internal/services/payment/providers/stripe.ts", 'import { Port } from "../provider.ts";'],
    ["internal/platform/postgres.ts", 'import postgres from "postgres";'],
    ["cmd/order/main.ts", 'import { orderHandler } from "../../internal/services/order/handler.ts";'],
    ["internal/gateway/app.ts", 'import { version } from "../../package.json";'],
    ["internal/orchestrator/saga.ts", "// not Date.now(): the clock's reading is an argument\nconst a = 1;"],
    [
      "internal/orchestrator/saga.ts",
      'const message = "the process crypto Date";\nconst at = `Date ${now}`;',
    ],
    ["internal/orchestrator/saga.ts", "const at = input.process.Date;"],
    ["internal/orchestrator/handler.unit.test.ts", 'import { model } from "../testkit/model.ts";'],
  ];
  for (const [path, source] of cases) {
    test(`${path}: ${source.split("\n").join(" ")}`, () => {
      expect(brokenRules(path, source)).toEqual([]);
    });
  }
});
