// The settings of encrypted connections to Kafka: what librdkafka gets, and what is wrong, with real certificates.
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "../../stack/secure/certificate-authority.ts";
import {
  type KafkaSecuritySettings,
  passingFaults,
  securityFaults,
  securityOf,
  securityWarnings,
} from "./security.ts";

const directory = mkdtempSync(join(tmpdir(), "kafka-security-"));
const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

const authority = await CertificateAuthority.open(join(directory, "authority"));
const inventory = await authority.issue({ name: "inventory" });
const order = await authority.issue({ name: "order" });
afterAll(() => rmSync(directory, { recursive: true }));

const ssl = (): KafkaSecuritySettings => ({
  KAFKA_SECURITY_PROTOCOL: "SSL",
  KAFKA_CA_FILE: inventory.caFile,
  KAFKA_CERT_FILE: inventory.certFile,
  KAFKA_KEY_FILE: inventory.keyFile,
});
const sasl = (): KafkaSecuritySettings => ({
  KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  KAFKA_CA_FILE: inventory.caFile,
  KAFKA_USERNAME: "inventory",
  KAFKA_PASSWORD_FILE: file("password", "pass word\n"),
});

test("without a protocol nothing is set, and nobody is known", () => {
  expect(securityOf({})).toEqual({ settings: {}, account: null });
  expect(securityFaults({})).toEqual([]);
});

test("a certificate names its account", () => {
  expect(securityFaults(ssl())).toEqual([]);
  expect(securityOf(ssl())).toEqual({
    settings: {
      "security.protocol": "ssl",
      "ssl.ca.location": inventory.caFile,
      "ssl.certificate.location": inventory.certFile,
      "ssl.key.location": inventory.keyFile,
    },
    account: "inventory",
  });
});

test("a password comes from its file, without the newline at its end", () => {
  expect(securityFaults(sasl())).toEqual([]);
  const { settings, account } = securityOf(sasl());
  expect(account).toBe("inventory");
  expect(settings).toMatchObject({
    "security.protocol": "sasl_ssl",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "inventory",
    "sasl.password": "pass word",
  });
});

test("a key and a password that everybody can read are a warning; a certificate is for everybody", () => {
  const key = file("open.key", "-----BEGIN PRIVATE KEY-----");
  const password = file("open.password", "secret word");
  chmodSync(password, 0o640);
  const settings = { ...ssl(), KAFKA_KEY_FILE: key, KAFKA_PASSWORD_FILE: password };
  chmodSync(key, 0o640);
  expect(securityWarnings(settings)).toEqual([]);
  chmodSync(key, 0o644);
  chmodSync(password, 0o644);
  expect(securityWarnings(settings)).toEqual([
    expect.stringContaining(`KAFKA_KEY_FILE=${key} is readable by every user`),
    expect.stringContaining(`KAFKA_PASSWORD_FILE=${password} is readable by every user`),
  ]);
});

describe("a fault names the setting, the file and the way out:", () => {
  const without = (settings: KafkaSecuritySettings, ...names: readonly string[]): KafkaSecuritySettings =>
    Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)));
  const cases: readonly (readonly [string, () => KafkaSecuritySettings, readonly string[]])[] = [
    ["no authority", () => without(ssl(), "KAFKA_CA_FILE"), ["KAFKA_CA_FILE is missing: set it"]],
    [
      "an authority that is not there",
      () => ({ ...ssl(), KAFKA_CA_FILE: "/nowhere/ca.crt" }),
      ["KAFKA_CA_FILE: /nowhere/ca.crt cannot be read (ENOENT): correct the path"],
    ],
    [
      "an authority that is a folder",
      () => ({ ...ssl(), KAFKA_CA_FILE: directory }),
      [`KAFKA_CA_FILE: ${directory} cannot be read (EISDIR)`],
    ],
    [
      "an authority that is something else",
      () => ({ ...ssl(), KAFKA_CA_FILE: inventory.keyFile }),
      [`KAFKA_CA_FILE: ${inventory.keyFile} holds no certificate: it must be a PEM file`],
    ],
    [
      "a key without certificate",
      () => without(ssl(), "KAFKA_CERT_FILE"),
      ["KAFKA_CERT_FILE is missing: set it"],
    ],
    [
      "a certificate without key",
      () => without(ssl(), "KAFKA_KEY_FILE"),
      ["KAFKA_KEY_FILE is missing: set it"],
    ],
    [
      "an encrypted key",
      () => ({ ...ssl(), KAFKA_KEY_FILE: file("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n") }),
      ["is encrypted: give the key without a passphrase"],
    ],
    [
      "a key that is none",
      () => ({ ...ssl(), KAFKA_KEY_FILE: file("text", "hello") }),
      ["holds no private key: it must be a PEM file"],
    ],
    [
      "certificate settings without encryption",
      () => without(ssl(), "KAFKA_SECURITY_PROTOCOL"),
      ["KAFKA_CA_FILE", "KAFKA_CERT_FILE", "KAFKA_KEY_FILE"].map(
        (name) => `${name} has no effect with KAFKA_SECURITY_PROTOCOL=PLAINTEXT`,
      ),
    ],
    [
      "a password with SSL",
      () => ({ ...ssl(), KAFKA_USERNAME: "inventory" }),
      [
        "KAFKA_USERNAME has no effect with KAFKA_SECURITY_PROTOCOL=SSL: set KAFKA_SECURITY_PROTOCOL to SASL_SSL",
      ],
    ],
    [
      "neither user nor password",
      () => without(sasl(), "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE"),
      ["KAFKA_USERNAME is missing: set it", "KAFKA_PASSWORD_FILE is missing: set it"],
    ],
    [
      "an empty password",
      () => ({ ...sasl(), KAFKA_PASSWORD_FILE: file("empty", "\n") }),
      ["empty is an empty file: write the value into it"],
    ],
  ];
  test.each(cases)("%s", (_, settings, expected) => {
    const faults = securityFaults(settings());
    expect(faults).toHaveLength(expected.length);
    for (const [index, text] of expected.entries()) expect(faults[index]).toContain(text);
  });
});

describe("what passes without a new setting is no fault of the settings:", () => {
  const DAY_MS = 24 * 60 * 60 * 1_000;

  test("a certificate at the wrong time", () => {
    expect(passingFaults(ssl())).toEqual([]);
    const [expired, ...others] = passingFaults(ssl(), Date.now() + 400 * DAY_MS);
    expect([expired, others]).toEqual([
      expect.stringContaining(`KAFKA_CERT_FILE: ${inventory.certFile} expired at`),
      [],
    ]);
    expect(passingFaults(ssl(), Date.now() - 400 * DAY_MS)).toEqual([
      expect.stringContaining("correct this machine's clock"),
    ]);
  });

  test("another's key, as between the two writes of a renewal", () => {
    const halfRenewed = { ...ssl(), KAFKA_KEY_FILE: order.keyFile };
    expect(securityFaults(halfRenewed)).toEqual([]);
    expect(passingFaults(halfRenewed)).toEqual([
      `KAFKA_KEY_FILE: ${order.keyFile} is not the key of ${inventory.certFile} (KAFKA_CERT_FILE): put both from one source`,
    ]);
  });

  test("a file that goes away meanwhile", () => {
    expect(passingFaults({ ...ssl(), KAFKA_KEY_FILE: "/nowhere/key" })).toEqual([
      "KAFKA_KEY_FILE=/nowhere/key is not readable: there is no such file: create it, or correct the path",
    ]);
  });

  test("open connections have no certificate that could pass", () => {
    expect(passingFaults({ KAFKA_CERT_FILE: "/nowhere/cert" })).toEqual([]);
  });
});
