// Secrets out of files: where they may be, and what is said when they are not there.
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { faultsIn } from "../testkit/config-faults.ts";
import { parseConfig, parseRoleConfig, secret, warningsOf } from "./config.ts";
import { findSecret } from "./secret-files.ts";

const folder = mkdtempSync(join(tmpdir(), "secret-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

const VALUE = "postgres://me:hush@db:5432/saga";
let count = 0;

function fileWith(text: string, mode = 0o640): string {
  const file = join(folder, `secret-${count++}`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

/** A folder of credentials as systemd makes it. */
function credentials(values: Readonly<Record<string, string>>): string {
  const directory = join(folder, `credentials-${count++}`);
  mkdirSync(directory);
  for (const [name, text] of Object.entries(values))
    writeFileSync(join(directory, name), text, { mode: 0o400 });
  return directory;
}

describe("a secret", () => {
  test.each([
    ["as itself", () => ({ DATABASE_URL: VALUE })],
    ["in a file", () => ({ DATABASE_URL_FILE: fileWith(VALUE) })],
    [
      "in a file that an editor ended with a newline",
      () => ({ DATABASE_URL_FILE: fileWith(`${VALUE}\r\n`) }),
    ],
    ["as a credential", () => ({ CREDENTIALS_DIRECTORY: credentials({ database_url: `${VALUE}\n` }) })],
    [
      "as a credential out of a folder",
      () => ({ CREDENTIALS_DIRECTORY: credentials({ checkout_database_url: VALUE }) }),
    ],
    [
      "in a file, with an empty setting beside it",
      () => ({ DATABASE_URL: "", DATABASE_URL_FILE: fileWith(VALUE) }),
    ],
    [
      "as itself, beside credentials of other settings",
      () => ({
        DATABASE_URL: VALUE,
        DATABASE_URL_FILE: "",
        CREDENTIALS_DIRECTORY: credentials({ redis_url: "x" }),
      }),
    ],
  ])("is found %s", (_, env) => {
    expect(findSecret("DATABASE_URL", env())).toEqual({ text: VALUE });
  });

  test("that is nowhere is not set, and that is no fault", () => {
    expect(findSecret("DATABASE_URL", { CREDENTIALS_DIRECTORY: join(folder, "none") })).toEqual({
      text: undefined,
    });
  });

  test("is given once only, and the fault names all places", () => {
    const directory = credentials({ database_url: VALUE });
    const env = { DATABASE_URL: VALUE, DATABASE_URL_FILE: fileWith(VALUE), CREDENTIALS_DIRECTORY: directory };
    expect(findSecret("DATABASE_URL", env)).toEqual({
      text: undefined,
      fault: `DATABASE_URL is given twice, by DATABASE_URL itself and by DATABASE_URL_FILE and by the credential ${directory}/database_url: keep one`,
    });
  });

  test.each([
    ["missing", () => join(folder, "none"), "there is no such file"],
    ["empty", () => fileWith("\n"), "is an empty file"],
    ["a folder", () => folder, "is a folder"],
    ["far too large", () => fileWith("x".repeat(70_000)), "has 70000 bytes, more than any secret"],
  ])("in a file that is %s is a fault with setting and path", (_, path, words) => {
    const file = path();
    const { text, fault } = findSecret("DATABASE_URL", { DATABASE_URL_FILE: file });
    expect(text).toBeUndefined();
    expect(fault).toStartWith(`DATABASE_URL_FILE=${file} `);
    expect(fault).toContain(words);
  });

  test("that every user can read is a warning, and is used", () => {
    const file = fileWith(VALUE, 0o644);
    const { text, warning } = findSecret("DATABASE_URL", { DATABASE_URL_FILE: file });
    expect(text).toBe(VALUE);
    expect(warning).toStartWith(`DATABASE_URL_FILE=${file} is readable by every user`);
    expect(warning).not.toContain("hush");
  });
});

describe("in a configuration", () => {
  const schema = Type.Object({
    DATABASE_URL: secret(Type.String({ format: "postgres-url", description: "the database" })),
    TOKEN: Type.Optional(secret(Type.String({ minLength: 8, description: "a token" }))),
    NAME: Type.Optional(Type.String({ description: "no secret" })),
  });
  const faultsOf = (env: Readonly<Record<string, string>>) =>
    faultsIn(() => parseConfig("checkout-test", schema, env));

  test("a value from a file is checked like any other, and not shown", () => {
    const file = fileWith("mysql://me:hush@db/saga");
    const faults = faultsOf({ DATABASE_URL_FILE: file });
    expect(faults).toEqual([expect.stringContaining("DATABASE_URL is not valid: set it to a URL")]);
    expect(faults.join()).not.toContain("hush");
  });

  test("a database with several hosts may be in a file", () => {
    const url = "postgres://me:hush@db1:5432,db2:5432/saga?sslmode=verify-full";
    const config = parseConfig("checkout-test", schema, { DATABASE_URL_FILE: fileWith(`${url}\n`) });
    expect(config.DATABASE_URL).toBe(url);
  });

  test("one that is missing is asked for with both ways to give it", () => {
    expect(faultsOf({})).toEqual([expect.stringContaining("DATABASE_URL is missing: set it to a URL")]);
    expect(faultsOf({})[0]).toContain("name that in DATABASE_URL_FILE; under systemd");
    expect(faultsOf({})[0]).toContain("as database_url");
  });

  test("all faults come at once: files and values", () => {
    const faults = faultsOf({ DATABASE_URL_FILE: join(folder, "none"), TOKEN: "short" });
    expect(faults.map((fault) => fault.split(/[ =]/)[0])).toEqual(["DATABASE_URL_FILE", "TOKEN"]);
  });

  test("a setting that is no secret is not looked for in files", () => {
    const env = {
      DATABASE_URL: VALUE,
      NAME_FILE: fileWith("from a file"),
      CREDENTIALS_DIRECTORY: credentials({ name: "from a credential", token: "a credential\n" }),
    };
    expect(parseConfig("checkout-test", schema, env)).toEqual({ DATABASE_URL: VALUE, TOKEN: "a credential" });
  });

  test("warnings are of declared secrets only", () => {
    const readable = fileWith(VALUE, 0o604);
    const env = { DATABASE_URL_FILE: readable, OTHER_FILE: readable, NAME_FILE: readable };
    expect(warningsOf(schema, env)).toEqual([expect.stringContaining(`DATABASE_URL_FILE=${readable}`)]);
  });
});

describe("a credential with a misspelt name", () => {
  const schema = Type.Object({ REDIS_URL: Type.Optional(secret(Type.String())) });
  const faultsWith = (name: string) => {
    const directory = credentials({ [name]: "redis://:hush@cache:6379" });
    return faultsIn(() => parseRoleConfig("checkout-x", schema, { CREDENTIALS_DIRECTORY: directory }));
  };

  test.each([
    ["redis_ulr", "is not a secret of any role: rename it to redis_url or remove it"],
    ["checkout_redis_urls", "is not a secret of any role: rename it to redis_url or remove it"],
    ["shop_link_secrets", "is not a secret of any role: rename it to shop_link_secret or remove it"],
    ["REDIS_URL", "is not a secret of any role: rename it to redis_url or remove it"],
    ["jwt_key", "is not a secret of any role: remove it"],
    ["checkout_kafka_brokers", "has no effect: KAFKA_BROKERS is no secret, so give it as a setting"],
  ])("is a fault: %s", (name, complaint) => {
    const [fault, ...others] = faultsWith(name);
    expect(others).toEqual([]);
    expect(fault).toContain(`/${name} ${complaint}`);
    expect(fault).not.toContain("hush");
  });

  test.each(["redis_url", "checkout_redis_url", "checkout_payment_private_jwk", "backup_passphrase"])(
    "is none if another role or other software has it: %s",
    (name) => {
      expect(faultsWith(name)).toEqual([]);
    },
  );

  test("is none if a setting names the file", () => {
    const directory = credentials({ kafka_key_file: "-----BEGIN PRIVATE KEY-----" });
    const env = { CREDENTIALS_DIRECTORY: directory, KAFKA_KEY_FILE: join(directory, "kafka_key_file") };
    expect(parseRoleConfig("checkout-x", schema, env)).toEqual({});
  });
});
