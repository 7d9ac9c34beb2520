// Secrets of the stack's processes are in files of their own, and nowhere else.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findSecret } from "../platform/secret-files.ts";
import { separateSecrets } from "./credentials.ts";

const folder = mkdtempSync(join(tmpdir(), "stack-credentials-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a secret leaves the environment for a file that a role finds, and that only its user reads", () => {
  const own = join(folder, "inventory");
  const settings = { DATABASE_URL: "postgres://me:hush@db/x", REDIS_URL: "", OPS_PORT: "1" };
  const { env, write } = separateSecrets(settings, own);
  write();
  expect(env).toEqual({ OPS_PORT: "1", CREDENTIALS_DIRECTORY: own });
  expect(findSecret("DATABASE_URL", env)).toEqual({ text: "postgres://me:hush@db/x" });
  expect(readdirSync(own)).toEqual(["database_url"]);
  expect([statSync(own).mode & 0o777, statSync(join(own, "database_url")).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
});

test("a secret that a process no longer has is gone at its next start", () => {
  const own = join(folder, "relay");
  separateSecrets({ DATABASE_URLS: "saga=postgres://db/x", OTLP_HEADERS: "a=b" }, own).write();
  separateSecrets({ DATABASE_URLS: "saga=postgres://db/x" }, own).write();
  expect(readdirSync(own)).toEqual(["database_urls"]);
});
