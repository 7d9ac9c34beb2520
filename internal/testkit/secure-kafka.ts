// A broker of a test's own that encrypts and asks everybody who they are, with our topics and access lists. Accounts have certificates; a
// few also have passwords.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUPER_USERS } from "../../schemas/access.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { applyAccess } from "../operations/access.ts";
import { topicLayout } from "../operations/topics.ts";
import { type Admin, openAdmin } from "../platform/kafka/admin.ts";
import { type KafkaOptions, kafkaOptions } from "../platform/kafka/connection.ts";
import type { KafkaSecuritySettings } from "../platform/kafka/security.ts";
import { kafkaSettings } from "../stack/role-env.ts";
import { type Managed, start } from "../stack/managed.ts";
import { CACHE } from "../stack/paths.ts";
import { leasePorts, type PortBlock } from "../stack/ports.ts";
import { CertificateAuthority } from "../stack/secure/certificate-authority.ts";
import { type CertificateFiles, certificateFiles } from "../stack/secure/certificate-files.ts";
import { brokerCertificate, ensureKafkaCertificates } from "../stack/secure/kafka-certificates.ts";
import { kafkaServers } from "../stack/servers/kafka.ts";

const PARTITIONS = 2;
/** A client that is turned away tries again for this long. */
export const CONNECT_TIMEOUT_MS = 3_000;
export const PASSWORD = "correct horse";

interface Parts {
  readonly directory: string;
  readonly certificates: string;
  readonly broker: Managed;
  readonly ports: PortBlock;
  readonly passwordPort: number;
}

export class SecureKafka implements AsyncDisposable {
  readonly #parts: Parts;
  /** Of the account that may do everything. */
  readonly deploy: Admin;

  private constructor(parts: Parts, deploy: Admin) {
    this.#parts = parts;
    this.deploy = deploy;
  }

  /** `passwordUsers` can also sign in with PASSWORD. */
  static async start(passwordUsers: readonly string[] = []): Promise<SecureKafka> {
    const directory = join(CACHE, "tests", `secure-kafka-${crypto.randomUUID()}`);
    mkdirSync(directory, { recursive: true });
    const certificates = join(directory, "certificates");
    await ensureKafkaCertificates(certificates);
    const ports = leasePorts(directory);
    const [port, controllerPort, brokerPort, passwordPort] = [
      ports.next(),
      ports.next(),
      ports.next(),
      ports.next(),
    ];
    const users = Object.fromEntries(passwordUsers.map((name) => [name, PASSWORD]));
    const [definition] = kafkaServers({
      brokers: [{ port, controllerPort, brokerPort }],
      directory,
      logFile: (name) => join(directory, `${name}.log`),
      secure: {
        certificate: brokerCertificate(certificates),
        ...(passwordUsers.length === 0 ? {} : { passwords: { ports: [passwordPort], users } }),
      },
    });
    if (definition === undefined) throw new Error("no broker was defined");
    const parts = { directory, certificates, ports, passwordPort, broker: await start(definition) };
    const admin = await openAdmin(optionsIn(parts, SUPER_USERS.deploy));
    await admin.createTopics(topicLayout(1).map((layout) => ({ ...layout, partitions: PARTITIONS })));
    await applyAccess(admin);
    return new SecureKafka(parts, admin);
  }

  get brokers(): string {
    return this.#parts.broker.address;
  }

  get caFile(): string {
    return certificateFiles(this.#parts.certificates, "ca").certFile;
  }

  get logFile(): string {
    return this.#parts.broker.logFile;
  }

  /** As this account, with its certificate. */
  as(account: string): KafkaOptions {
    return optionsIn(this.#parts, account);
  }

  /** The settings of a role, or of checkoutctl, with this account. */
  settings(account: string): Readonly<Record<string, string>> {
    return settingsIn(this.#parts, account);
  }

  /** With settings of one's own. */
  with(settings: KafkaSecuritySettings, brokers = this.brokers): KafkaOptions {
    return {
      ...kafkaOptions({ KAFKA_BROKERS: brokers, ...settings }, "test"),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    };
  }

  /** By user name and password, at the listener for them. */
  withPassword(user: string, password = PASSWORD): KafkaOptions {
    const file = join(this.#parts.directory, `password-${crypto.randomUUID()}`);
    writeFileSync(file, password, { mode: 0o600 });
    return this.with(
      {
        KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
        KAFKA_CA_FILE: this.caFile,
        KAFKA_USERNAME: user,
        KAFKA_PASSWORD_FILE: file,
      },
      `127.0.0.1:${this.#parts.passwordPort}`,
    );
  }

  /** As somebody with a certificate of this authority, whom no access list names. */
  async asStranger(name: string): Promise<KafkaOptions> {
    const authority = await CertificateAuthority.open(this.#parts.certificates);
    await authority.issue({ name });
    return this.as(name);
  }

  /** Of an authority that the brokers do not know. */
  async foreignFiles(account: string): Promise<CertificateFiles> {
    const other = await CertificateAuthority.open(join(this.#parts.directory, "other"));
    return other.issue({ name: account });
  }

  /** With a certificate of an authority that the brokers do not know. */
  async asImpostor(account: string): Promise<KafkaOptions> {
    const { certFile, keyFile } = await this.foreignFiles(account);
    return this.with({
      KAFKA_SECURITY_PROTOCOL: "SSL",
      KAFKA_CA_FILE: this.caFile,
      KAFKA_CERT_FILE: certFile,
      KAFKA_KEY_FILE: keyFile,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deploy.close();
    await this.#parts.broker.stop();
    this.#parts.ports.release();
    rmSync(this.#parts.directory, { recursive: true, force: true });
  }
}

function settingsIn({ broker, certificates }: Parts, account: string) {
  return kafkaSettings({ kafka_brokers: broker.address, certificates }, account);
}

function optionsIn(parts: Parts, account: string): KafkaOptions {
  // The name by which readers without a group know themselves is part of the table.
  const clientId =
    account === "operator" ? "checkoutctl" : account === "console" ? "checkout-console" : account;
  return kafkaOptions(settingsIn(parts, account), clientId);
}

/** Every topic of ours. */
export const EVERY_TOPIC = Object.values(TOPICS);
