// How a Kafka client proves who it is and checks who answers: the settings of librdkafka from ours, and the faults of ours. Every role and
// checkoutctl come here by `kafkaOptions` (connection.ts); lifecycle.ts reports the faults before anything starts.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "../../kernel/errors.ts";
import { type FoundSecret, readSecretFile } from "../secret-files.ts";

/** `kafkaConfig` of config.ts. */
export interface KafkaSecuritySettings {
  readonly KAFKA_SECURITY_PROTOCOL?: "PLAINTEXT" | "SSL" | "SASL_SSL";
  readonly KAFKA_CA_FILE?: string;
  readonly KAFKA_CERT_FILE?: string;
  readonly KAFKA_KEY_FILE?: string;
  readonly KAFKA_SASL_MECHANISM?: "SCRAM-SHA-512" | "SCRAM-SHA-256" | "PLAIN";
  readonly KAFKA_USERNAME?: string;
  readonly KAFKA_PASSWORD_FILE?: string;
}

export interface KafkaSecurity {
  /** For librdkafka. They hold the password: never log them. */
  readonly settings: Readonly<Record<string, string>>;
  /** Who the brokers take this client for, unless they map names in another way; null if it does not say who it is. */
  readonly account: string | null;
}

const DEFAULT_MECHANISM = "SCRAM-SHA-512";

/** Reads the password file. Call it with settings without faults. */
export function securityOf(config: KafkaSecuritySettings): KafkaSecurity {
  const { KAFKA_SECURITY_PROTOCOL: protocol = "PLAINTEXT" } = config;
  if (protocol === "PLAINTEXT") return { settings: {}, account: null };
  const settings: Record<string, string> = { "security.protocol": protocol.toLowerCase() };
  if (config.KAFKA_CA_FILE !== undefined) settings["ssl.ca.location"] = config.KAFKA_CA_FILE;
  if (config.KAFKA_CERT_FILE !== undefined) settings["ssl.certificate.location"] = config.KAFKA_CERT_FILE;
  if (config.KAFKA_KEY_FILE !== undefined) settings["ssl.key.location"] = config.KAFKA_KEY_FILE;
  if (protocol === "SSL")
    return {
      settings,
      account: config.KAFKA_CERT_FILE === undefined ? null : commonNameIn(config.KAFKA_CERT_FILE),
    };
  const { KAFKA_USERNAME: account = "", KAFKA_PASSWORD_FILE: passwordFile = "" } = config;
  settings["sasl.mechanism"] = config.KAFKA_SASL_MECHANISM ?? DEFAULT_MECHANISM;
  settings["sasl.username"] = account;
  const { text: password, fault = "" } = readSecretFile("KAFKA_PASSWORD_FILE", passwordFile);
  if (password === undefined) throw new AppError("CONFIG_INVALID", fault);
  return { settings: { ...settings, "sasl.password": password }, account };
}

/**
 * What is wrong with these settings together and with the files that they name, and stays so until somebody corrects it. One sentence each,
 * with the way out, and never a secret.
 */
export function securityFaults(config: KafkaSecuritySettings): readonly string[] {
  const { KAFKA_SECURITY_PROTOCOL: protocol = "PLAINTEXT" } = config;
  if (protocol === "PLAINTEXT") return uselessFaults(config, EVERY_SETTING, protocol, "SSL or SASL_SSL");
  return [
    ...caFaults(config),
    ...certificateFaults(config),
    ...(protocol === "SSL" ? uselessFaults(config, SASL_SETTINGS, protocol, "SASL_SSL") : saslFaults(config)),
  ];
}

/**
 * Why this client's certificate cannot be used at this moment: its time, or a certificate and a key that do not belong together, as between
 * the writes of a renewal. A new file or a corrected clock mends it without a restart.
 */
export function passingFaults(config: KafkaSecuritySettings, now = Date.now()): readonly string[] {
  const { KAFKA_SECURITY_PROTOCOL: protocol = "PLAINTEXT" } = config;
  return protocol === "PLAINTEXT" ? [] : certificateFaults(config, now);
}

/** What should be changed about the files with the key and the password, although they can be used. */
export function securityWarnings(config: KafkaSecuritySettings): readonly string[] {
  return (["KAFKA_KEY_FILE", "KAFKA_PASSWORD_FILE"] as const).flatMap((name) => {
    const path = config[name];
    return path === undefined ? [] : (readSecretFile(name, path).warning ?? []);
  });
}

type SettingName = Exclude<keyof KafkaSecuritySettings, "KAFKA_SECURITY_PROTOCOL">;

const SASL_SETTINGS = ["KAFKA_SASL_MECHANISM", "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE"] as const;
const EVERY_SETTING = ["KAFKA_CA_FILE", "KAFKA_CERT_FILE", "KAFKA_KEY_FILE", ...SASL_SETTINGS] as const;

/** A connection that is less safe than its settings look would be noticed by nobody. */
function uselessFaults(
  config: KafkaSecuritySettings,
  names: readonly SettingName[],
  protocol: string,
  better: string,
): readonly string[] {
  return names
    .filter((name) => config[name] !== undefined)
    .map(
      (name) =>
        `${name} has no effect with KAFKA_SECURITY_PROTOCOL=${protocol}: set KAFKA_SECURITY_PROTOCOL to ${better}, or remove ${name}`,
    );
}

function caFaults({ KAFKA_CA_FILE: file }: KafkaSecuritySettings): readonly string[] {
  if (file === undefined)
    return [
      "KAFKA_CA_FILE is missing: set it to a PEM file with the certificate of the authority that signed the brokers' certificates; there is no default",
    ];
  const { text, fault = "" } = readPem("KAFKA_CA_FILE", file);
  if (text === undefined) return [fault];
  return certificateIn(text) === null
    ? [`KAFKA_CA_FILE: ${file} holds no certificate: it must be a PEM file (-----BEGIN CERTIFICATE-----)`]
    : [];
}

/** With `now` also what passes. */
function certificateFaults(
  { KAFKA_CERT_FILE: certFile, KAFKA_KEY_FILE: keyFile }: KafkaSecuritySettings,
  now?: number,
): readonly string[] {
  if (certFile === undefined && keyFile === undefined) return [];
  if (certFile === undefined)
    return ["KAFKA_CERT_FILE is missing: set it to the certificate of KAFKA_KEY_FILE"];
  if (keyFile === undefined) return ["KAFKA_KEY_FILE is missing: set it to the key of KAFKA_CERT_FILE"];
  const cert = readPem("KAFKA_CERT_FILE", certFile);
  const key = readSecretFile("KAFKA_KEY_FILE", keyFile);
  if (cert.text === undefined || key.text === undefined)
    return [cert, key].flatMap(({ fault }) => fault ?? []);
  const certificate = certificateIn(cert.text);
  if (certificate === null)
    return [
      `KAFKA_CERT_FILE: ${certFile} holds no certificate: it must be a PEM file (-----BEGIN CERTIFICATE-----)`,
    ];
  const parsed = privateKeyIn(key.text);
  if (parsed === null) return [noKeyFault(key.text, keyFile)];
  if (now === undefined) return [];
  const isPair = certificate.checkPrivateKey(parsed);
  return [
    ...validityFaults(certificate, certFile, now),
    ...(isPair
      ? []
      : [
          `KAFKA_KEY_FILE: ${keyFile} is not the key of ${certFile} (KAFKA_CERT_FILE): put both from one source`,
        ]),
  ];
}

function validityFaults(certificate: X509Certificate, file: string, now: number): readonly string[] {
  if (Date.parse(certificate.validTo) < now)
    return [`KAFKA_CERT_FILE: ${file} expired at ${certificate.validTo}: put a new certificate there`];
  if (Date.parse(certificate.validFrom) > now)
    return [
      `KAFKA_CERT_FILE: ${file} is not valid before ${certificate.validFrom}: correct this machine's clock, or use another certificate`,
    ];
  return [];
}

function noKeyFault(key: string, file: string): string {
  return /ENCRYPTED/.test(key)
    ? `KAFKA_KEY_FILE: ${file} is encrypted: give the key without a passphrase, readable by this role only`
    : `KAFKA_KEY_FILE: ${file} holds no private key: it must be a PEM file (-----BEGIN PRIVATE KEY-----)`;
}

function saslFaults({
  KAFKA_USERNAME: user,
  KAFKA_PASSWORD_FILE: file,
}: KafkaSecuritySettings): readonly string[] {
  const faults: string[] = [];
  if (user === undefined)
    faults.push(
      "KAFKA_USERNAME is missing: set it to this client's user name, or use KAFKA_SECURITY_PROTOCOL=SSL",
    );
  if (file === undefined)
    faults.push("KAFKA_PASSWORD_FILE is missing: set it to a file with the password of KAFKA_USERNAME");
  if (file === undefined) return faults;
  const { fault } = readSecretFile("KAFKA_PASSWORD_FILE", file);
  return fault === undefined ? faults : [...faults, fault];
}

/** Of certificates, which are no secret. */
function readPem(setting: SettingName, file: string): FoundSecret {
  try {
    return { text: readFileSync(file, "utf8") };
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return {
      text: undefined,
      fault: `${setting}: ${file} cannot be read (${why}): correct the path, or let this user read the file`,
    };
  }
}

/** The first certificate of a PEM file; null if there is none. */
function certificateIn(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function privateKeyIn(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

function commonNameIn(file: string): string | null {
  const certificate = certificateIn(readFileSync(file, "utf8"));
  return /^CN=(.+)$/m.exec(certificate?.subject ?? "")?.[1] ?? null;
}
