// Which certificates a role reads, and when each ends, with real certificates.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { certificateMetrics, certificatesIn, endOf, type NamedCertificate } from "./certificate-ends.ts";
import { Metrics } from "./metrics.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const directory = mkdtempSync(join(tmpdir(), "certificate-ends-"));
afterAll(() => rmSync(directory, { recursive: true }));

const authority = await CertificateAuthority.open(join(directory, "authority"));
async function pem(days: number): Promise<string> {
  const { certFile } = await authority.issue({ name: `for-${days}-days`, days });
  return readFileSync(certFile, "utf8");
}
const [short, long] = await Promise.all([pem(2), pem(200)]);

const SSL = {
  KAFKA_SECURITY_PROTOCOL: "SSL",
  KAFKA_CA_FILE: "/k/ca.crt",
  KAFKA_CERT_FILE: "/k/a.crt",
} as const;
const files = (config: object, accounts: Parameters<typeof certificatesIn>[1] = []) =>
  certificatesIn(config, accounts).map(({ purpose, file }) => `${purpose}: ${file}`);

test("files of Kafka's accounts, each once", () => {
  expect(files({}, [SSL, { ...SSL, KAFKA_CERT_FILE: "/k/b.crt" }, SSL])).toEqual([
    "KAFKA_CA_FILE: /k/ca.crt",
    "KAFKA_CERT_FILE: /k/a.crt",
    "KAFKA_CERT_FILE: /k/b.crt",
  ]);
  expect(files({}, [{ ...SSL, KAFKA_SECURITY_PROTOCOL: "PLAINTEXT" }, {}])).toEqual([]);
});

test("files in the URLs of databases and of Redis, with several hosts and several databases", () => {
  expect(
    files({
      DATABASE_URL:
        "postgres://u:p@a:1,b:2/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca+1.crt&sslcert=/etc/own.crt",
      DATABASE_URLS: "saga=postgres://h/s?sslrootcert=/etc/s.crt,order=postgres://h/o?sslrootcert=/etc/o.crt",
      REDIS_URL: "rediss://h?ssl_ca_certs=/etc/r.crt&ssl_certfile=/etc/rc.crt&ssl_keyfile=/etc/r.key",
      SYSTEM_URL: "postgres://h/d?sslmode=verify-full&sslrootcert=system",
      PORT: 80,
      NOTE: "sslcert=/no/url",
    }),
  ).toEqual([
    "DATABASE_URL sslrootcert: /etc/ca 1.crt",
    "DATABASE_URL sslcert: /etc/own.crt",
    "DATABASE_URLS sslrootcert: /etc/s.crt",
    "DATABASE_URLS sslrootcert: /etc/o.crt",
    "REDIS_URL ssl_ca_certs: /etc/r.crt",
    "REDIS_URL ssl_certfile: /etc/rc.crt",
  ]);
});

test("of a chain the first end counts, of authorities the last", () => {
  const ends = [short, long].map((text) => endOf(text, false) ?? 0);
  expect((ends[1] ?? 0) - (ends[0] ?? 0)).toBeGreaterThan(190 * DAY_MS);
  expect(endOf(long + short, false)).toBe(ends[0] ?? 0);
  expect(endOf(short + long, true)).toBe(ends[1] ?? 0);
  expect(endOf("no certificate", true)).toBeNull();
  expect(endOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", false)).toBeNull();
});

const FILE = join(directory, "used.crt");
const named = (isReadAgain: boolean): NamedCertificate => ({
  purpose: "it",
  file: FILE,
  isAuthority: false,
  isReadAgain,
});

/** What the metric says, in days from now. */
async function daysLeft(metrics: Metrics): Promise<number | null> {
  const { text } = await metrics.expose();
  const [, value] = /^checkout_certificate_expires_timestamp_seconds\{.*\} (\S+)$/m.exec(text) ?? [];
  return value === undefined ? null : Math.round((Number(value) * 1_000 - Date.now()) / DAY_MS);
}

test("the metric follows a file that is read for each connection, and keeps its last certificate while it is gone", async () => {
  writeFileSync(FILE, short);
  const metrics = new Metrics();
  certificateMetrics(metrics, [named(true)]);
  expect(await daysLeft(metrics)).toBe(2);
  writeFileSync(FILE, long);
  expect(await daysLeft(metrics)).toBe(200);
  rmSync(FILE);
  expect(await daysLeft(metrics)).toBe(200);
});

test("a file that is read at the start counts as it was then", async () => {
  writeFileSync(FILE, short);
  const metrics = new Metrics();
  certificateMetrics(metrics, [named(false)]);
  writeFileSync(FILE, long);
  expect(await daysLeft(metrics)).toBe(2);
});

test("unless that had ended: the role waits for another one", async () => {
  writeFileSync(FILE, short);
  const metrics = new Metrics();
  const now = () => Date.now() + 3 * DAY_MS;
  certificateMetrics(metrics, [named(false)], now);
  expect(await daysLeft(metrics)).toBe(2);
  writeFileSync(FILE, long);
  expect(await daysLeft(metrics)).toBe(200);
  writeFileSync(FILE, short);
  expect(await daysLeft(metrics)).toBe(200);
});

test("a file that is not there, or without a certificate, has no series", async () => {
  rmSync(FILE, { force: true });
  const metrics = new Metrics();
  certificateMetrics(metrics, [named(true)]);
  expect(await daysLeft(metrics)).toBeNull();
});
