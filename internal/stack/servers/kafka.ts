// Apache Kafka in KRaft mode: one combined broker and controller, or three in one quorum. The jars come from KAFKA_HOME, or else
// from the bootstrap's download from Maven Central.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isSeldomOptimized, runToEnd } from "../child.ts";
import type { Definition } from "../managed.ts";
import { CACHE } from "../paths.ts";
import { ask, type AskTls } from "./ask.ts";
import { formatData, kafkaVersion, randomId } from "./kafka-format.ts";
import { PASSWORDS, passwordArguments, type SecureBrokers, securityProperties } from "./kafka-security.ts";

// Three cold JVMs share two cores with everything else.
const READY_TIMEOUT_MS = 60_000;
const PARTITIONS = 16;
/**
 * C2 compiles for longer than most local stacks live: without it an order costs the broker 2.5 ms instead of 3.5 in the first minute, but 1.9
 * instead of 1.4 over ten. Encrypted connections under load need it from the start: only C2 uses the processor's instructions for AES (Java 17
 * encrypts 1,050 MB a second with AES-GCM, 29 without C2). Tests have no load.
 */
const NO_C2 = ["-XX:TieredStopAtLevel=1"];
const FORMAT_JAVA = "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData".split(" ");

/** A separate listener for clients or brokers. They connect to the port `advertised`, where a proxy forwards to `port`. */
export interface Detour {
  readonly port: number;
  readonly advertised: number;
}

/** Who can reach a broker through a proxy. */
export const DETOURS = ["clients", "brokers"] as const;

export interface Broker {
  /** Its address. Default: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  readonly controllerPort: number;
  /** Only of secure brokers: the port for other brokers. */
  readonly brokerPort?: number;
  readonly detours?: Readonly<Partial<Record<(typeof DETOURS)[number], Detour>>>;
}

export interface KafkaOptions {
  /** One entry per broker, in the order of their node ids from 1. */
  readonly brokers: readonly Broker[];
  readonly directory: string;
  readonly logFile: (broker: string) => string;
  /** The JVM writes its loaded classes to this file when it ends; see kafka-classes.ts. */
  readonly archiveTo?: string;
  /** Undefined: open to everybody who reaches them. */
  readonly secure?: SecureBrokers | undefined;
}

/** The archive with preloaded classes for brokers; it may not exist. */
export function classArchive(): string {
  return join(CACHE, `kafka-${pinnedVersion()}-classes.jsa`);
}

/** Defines the brokers `kafka-1`..`kafka-N` of one cluster. A broker is ready when it knows all brokers and a controller. */
export function kafkaServers(options: KafkaOptions): Definition[] {
  const libs = kafkaClassPath();
  return options.brokers.map(({ port, controllerPort, detours = {} }, index) => {
    const nodeId = index + 1;
    const name = `kafka-${nodeId}`;
    const directory = join(options.directory, name);
    const properties = join(directory, "server.properties");
    const logging = join(directory, "log4j2.properties");
    const archive = options.archiveTo;
    const passwordPort = options.secure?.passwords?.ports[index];
    const classes =
      archive === undefined
        ? // The JVM silently ignores an archive of other jars or of another Java.
          [
            `-XX:SharedArchiveFile=${classArchive()}`,
            "-Xshare:auto",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
          ]
        : [`-XX:ArchiveClassesAtExit=${archive}`, "-Xlog:disable", "-Xlog:all=error:stderr"];
    const classPath = ["-cp", libs, `-Dlog4j2.configurationFile=${logging}`];
    return {
      name,
      command: [
        ..."java -Xms256m -Xmx512m -XX:+UseSerialGC -XX:-UsePerfData".split(" "),
        ...(options.secure === undefined || isSeldomOptimized() ? NO_C2 : []),
        ...classes,
        ...classPath,
        "kafka.Kafka",
        properties,
      ],
      logFile: options.logFile(name),
      // A stopping broker hands over its partitions. The last of three finds no quorum and would wait for minutes.
      stopDeadlineMs: 4_000,
      address: `127.0.0.1:${port}`,
      ports: {
        kafka: port,
        controller: controllerPort,
        ...Object.fromEntries(Object.entries(detours).map(([whose, detour]) => [whose, detour.port])),
        ...(passwordPort === undefined ? {} : { passwords: passwordPort }),
      },
      readyTimeoutMs: READY_TIMEOUT_MS,
      probe: async () =>
        clusterIsWhole(await ask(port, metadataRequest(), tlsOf(options)), options.brokers.length),
      async prepare() {
        mkdirSync(directory, { recursive: true });
        writeFileSync(logging, LOGGING);
        writeFileSync(properties, serverProperties(nodeId, join(directory, "data"), options));
        const formatted = join(directory, "formatted");
        if (existsSync(formatted)) return;
        const clusterId = clusterOf(options).id;
        const format = "kafka.tools.StorageTool format -t".split(" ");
        const java = [...FORMAT_JAVA, ...(archive === undefined ? classes : []), ...classPath];
        const passwords = options.secure === undefined ? [] : passwordArguments(options.secure);
        const command = [...java, ...format, clusterId, "-c", properties, ...passwords];
        await formatData({
          data: join(directory, "data"),
          // What the tool writes for passwords is of this cluster alone.
          template:
            passwords.length > 0 ? undefined : join(CACHE, `kafka-${kafkaVersion(kafkaHome())}-formatted`),
          clusterId,
          nodeId,
          runTool: () => runToEnd({ name: `format of ${name}`, command, logFile: options.logFile(name) }),
        });
        writeFileSync(formatted, "");
      },
    };
  });
}

/** The number of brokers for which the data in this directory was created; 0 if there is no data. */
export function brokersOnDisk(directory: string): number {
  return readCluster(directory)?.brokers ?? 0;
}

/** For Kafka's own tools. */
export function kafkaClassPath(): string {
  return join(kafkaHome(), "libs/*");
}

function kafkaHome(): string {
  const chosen = process.env["KAFKA_HOME"];
  const home = chosen ?? join(CACHE, `kafka-${pinnedVersion()}`);
  if (existsSync(join(home, "libs"))) return home;
  throw new Error(
    chosen === undefined
      ? `there is no Kafka in ${home}: run npm run setup, or set KAFKA_HOME`
      : `KAFKA_HOME=${chosen} has no folder libs`,
  );
}

function pinnedVersion(): string {
  const pom = readFileSync(join(import.meta.dir, "kafka-server.xml"), "utf8");
  return /kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1] ?? "unknown";
}

function serverProperties(nodeId: number, dataDirectory: string, options: KafkaOptions): string {
  const { brokers, secure } = options;
  const self = brokers[nodeId - 1];
  if (self === undefined) throw new Error(`no broker ${nodeId}`);
  const replicas = Math.min(3, brokers.length);
  const inSync = replicas === 3 ? 2 : 1;
  const settings = {
    "process.roles": "broker,controller",
    "node.id": nodeId,
    "controller.quorum.voters": brokers.map((b, i) => `${i + 1}@${hostOf(b)}:${b.controllerPort}`).join(","),
    "controller.listener.names": "CONTROLLER",
    ...listenersOf(self, secure?.passwords?.ports[nodeId - 1]),
    "listener.security.protocol.map": protocolsOf(secure),
    "inter.broker.listener.name": brokersDetour(self) === undefined ? DIRECT : listenerOf("brokers"),
    ...(secure === undefined ? {} : securityProperties(secure)),
    "log.dirs": dataDirectory,
    "num.partitions": PARTITIONS,
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": 8,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    // A misspelt topic must fail, not be created.
    "auto.create.topics.enable": false,
    // Otherwise the first group member waits 3 s for others.
    "group.initial.rebalance.delay.ms": 0,
    // When the session of a killed broker expires, its partitions get another leader, and a single broker may rejoin. The default of
    // 9 s makes shoppers wait. Three JVMs on two cores can keep this shorter session.
    "broker.session.timeout.ms": 5_000,
    "broker.heartbeat.interval.ms": 1_000,
    // An idle controller writes a record that says nothing; by default it does so twice a second, which is an eighth of an idle broker's CPU.
    "metadata.max.idle.interval.ms": 5_000,
    // A returned broker leads nothing until the controller checks the balance; by default it checks every five minutes.
    "leader.imbalance.check.interval.seconds": 10,
    "num.network.threads": 2,
    "num.io.threads": 4,
    // The default is 128 MB of heap, for compacted topics that we do not have.
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** The listener without a detour. */
const DIRECT = "DIRECT";

/** The direct listener, the controller listener, and one listener per detour. Operators' tools always use the direct one. */
function listenersOf(broker: Broker, passwordPort: number | undefined): Record<string, string> {
  const { port, controllerPort, detours = {} } = broker;
  const host = hostOf(broker);
  const brokers = brokersDetour(broker);
  const others = Object.entries({ ...detours, ...(brokers === undefined ? {} : { brokers }) });
  const listeners = [`${DIRECT}://${host}:${port}`, `CONTROLLER://${host}:${controllerPort}`];
  const advertised = [`${DIRECT}://${host}:${port}`];
  for (const [whose, detour] of others) {
    listeners.push(`${listenerOf(whose)}://${host}:${detour.port}`);
    advertised.push(`${listenerOf(whose)}://${host}:${detour.advertised}`);
  }
  if (passwordPort !== undefined)
    for (const list of [listeners, advertised]) list.push(`${PASSWORDS}://${host}:${passwordPort}`);
  return { listeners: listeners.join(","), "advertised.listeners": advertised.join(",") };
}

const hostOf = ({ host = "127.0.0.1" }: Broker) => host;

/** Brokers among themselves: through a proxy, or at a port of their own. Undefined: at the port of the clients. */
function brokersDetour({ detours, brokerPort }: Broker): Detour | undefined {
  if (detours?.brokers !== undefined || brokerPort === undefined) return detours?.brokers;
  return { port: brokerPort, advertised: brokerPort };
}

function protocolsOf(secure: SecureBrokers | undefined): string {
  const protocol = secure === undefined ? "PLAINTEXT" : "SSL";
  return [DIRECT, "CONTROLLER", ...DETOURS.map(listenerOf)]
    .map((listener) => `${listener}:${protocol}`)
    .concat(secure?.passwords === undefined ? [] : [`${PASSWORDS}:SASL_SSL`])
    .join(",");
}

/** Read at every probe: certificates are made before the start, and may be replaced. */
function tlsOf({ secure }: KafkaOptions): AskTls | undefined {
  if (secure === undefined) return undefined;
  const { caFile, certFile, keyFile } = secure.certificate;
  const [ca = "", cert = "", key = ""] = [caFile, certFile, keyFile].map((file) =>
    readFileSync(file, "utf8"),
  );
  return { ca, cert, key };
}

function listenerOf(detour: string): string {
  return detour.toUpperCase();
}

const LOGGING = `rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c{1} %m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
`;

interface Cluster {
  readonly id: string;
  readonly brokers: number;
}

/** The cluster id is stored beside the data, so that brokers formatted at different times belong to one cluster. */
function clusterOf({ directory, brokers }: KafkaOptions): Cluster {
  const kept = readCluster(directory);
  if (kept !== null) return kept;
  const id = randomId();
  const made = { id, brokers: brokers.length };
  writeFileSync(clusterFile(directory), JSON.stringify(made));
  return made;
}

function readCluster(directory: string): Cluster | null {
  if (!existsSync(clusterFile(directory))) return null;
  const kept: Cluster = JSON.parse(readFileSync(clusterFile(directory), "utf8"));
  return kept;
}

function clusterFile(directory: string): string {
  return join(directory, "cluster.json");
}

const METADATA_API = 3;
const METADATA_VERSION = 1;

/** Kafka protocol, Metadata request v1, no topics: length, api key, version, correlation id, null client id, empty array. */
function metadataRequest(): Buffer {
  const body = Buffer.alloc(14);
  body.writeInt16BE(METADATA_API, 0);
  body.writeInt16BE(METADATA_VERSION, 2);
  body.writeInt32BE(1, 4);
  body.writeInt16BE(-1, 8);
  body.writeInt32BE(0, 10);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** Metadata response v1: length, correlation id, brokers [id, host, port, rack], controller id, topics. */
function clusterIsWhole(answer: Buffer, brokers: number): boolean {
  let at = 8;
  const int16 = () => answer.readInt16BE((at += 2) - 2);
  const int32 = () => answer.readInt32BE((at += 4) - 4);
  const skipString = () => {
    const length = int16();
    at += Math.max(0, length);
  };
  const known = int32();
  for (let i = 0; i < known; i++) {
    int32();
    skipString();
    int32();
    skipString();
  }
  const controller = int32();
  return known === brokers && controller >= 0;
}
