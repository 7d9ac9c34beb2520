// Misspelt settings are found, and variables of other software are ignored.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { editDistance, misspeltSettings, SETTING_NAMES } from "./misspelt.ts";

const REPOSITORY = join(import.meta.dir, "../..");

test("SETTING_NAMES lists every declared setting, sorted (if not, fix the list)", async () => {
  const files = [
    ...new Bun.Glob("cmd/*/{config,settings}.ts").scanSync(REPOSITORY),
    "internal/platform/config.ts",
  ];
  const texts = await Promise.all(files.map((file) => Bun.file(join(REPOSITORY, file)).text()));
  const declared = texts.flatMap((text) =>
    Array.from(text.matchAll(/^ +([A-Z][A-Z0-9_]+): (?:\w+[.(]|\{$)/gm), ([, name = ""]) => name),
  );
  expect(SETTING_NAMES).toEqual([...new Set(declared)].toSorted());
});

test.each([
  ["JWT_HS256_SECRETT", "rename it to JWT_HS256_SECRET or"],
  ["JWT_ISUER", "rename it to JWT_ISSUER or"],
  ["KAFKA_BORKERS", "rename it to KAFKA_BROKERS or"],
  ["OPS_PROT", "rename it to OPS_PORT or"],
  ["Log_Level", "rename it to LOG_LEVEL or"],
  ["REDIS_URI", "rename it to REDIS_URL or"],
  ["PERSONAL_DATA_DAY", "rename it to PERSONAL_DATA_DAYS or"],
  ["DATABASE_POOLSIZE", "rename it to DATABASE_POOL_SIZE or"],
  ["SHUTDOWN_DEADLINE", "remove it"],
  ["INTAKE_GATHER_MS", "rename it to INTAKE_LINGER_MS"],
  ["INTAKE_MAX_SAGAS", "remove it"],
  ["JWT_AUD", "remove it"],
  ["DATABASE_URL_FILES", "rename it to DATABASE_URL_FILE or"],
  ["JWT_HS256_SECRET_FIEL", "rename it to JWT_HS256_SECRET_FILE or"],
  ["KAFKA_BROKERS_FILE", "KAFKA_BROKERS is no secret, so give it as itself"],
])("%s is reported as a misspelt setting", (name, hint) => {
  expect(misspeltSettings([name])).toEqual([
    expect.stringContaining(`${name} is not a setting of any role: `),
  ]);
  expect(misspeltSettings([name])[0]).toContain(hint);
});

test("variables of other software and our own settings are not reported", () => {
  const others = [
    ..."PATH HOME USER SHELL LANG LC_ALL TERM PWD TZ HOSTNAME LOGNAME TMPDIR INVOCATION_ID JOURNAL_STREAM".split(
      " ",
    ),
    ..."SYSTEMD_EXEC_PID MEMORY_PRESSURE_WATCH CREDENTIALS_DIRECTORY NOTIFY_SOCKET LISTEN_FDS".split(" "),
    ..."KUBERNETES_PORT KUBERNETES_SERVICE_HOST PAYSIM_PORT PAYSIM_SERVICE_HOST ORDER_PORT_8080_TCP".split(
      " ",
    ),
    ..."POSTGRES_PORT REDIS_PORT API_PORT DB_PORT PORTS HTTP_PROXY https_proxy NODE_ENV NODE_OPTIONS".split(
      " ",
    ),
    ..."STRIPE_PUBLISHABLE_KEY AWS_REGION TEST_DATABASE_URL APP_DATABASE_URL PGHOST PGPORT npm_config_cache".split(
      " ",
    ),
    ..."HOST_FILE DATABASE_URL_FILE OPERATOR_TOKEN_FILE BUN_INSTALL BUN_RUNTIME_TRANSPILER_CACHE_PATH MAIL_HOST SMTP_HOST SMTP_PORT LOG_FILE _".split(
      " ",
    ),
  ];
  expect(misspeltSettings([...others, ...SETTING_NAMES])).toEqual([]);
});

test.each([
  ["", "", 0],
  ["", "ab", 2],
  ["abc", "abc", 0],
  ["abc", "acb", 1],
  ["abc", "abd", 1],
  ["abc", "ab", 1],
  ["abc", "xabc", 1],
  ["kitten", "sitting", 3],
])("the edit distance from %p to %p is %i", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});
