// The certificate authority of one data directory: it signs a certificate for each server and each client of a stack with `--secure`.
// Everything is a PEM file in a folder of its own. For development only; in production the operator has an authority. Used by the
// servers of the stack and by the tests of encrypted connections.
// oxlint-disable-next-line import/no-unassigned-import -- the X.509 library needs these globals before it loads
import "reflect-metadata";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type CertificateFiles, certificateFiles } from "./certificate-files.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const AUTHORITY_DAYS = 3_650;
const CERTIFICATE_DAYS = 365;
/** A certificate that expires sooner is replaced when the stack starts. */
const RENEW_BEFORE_DAYS = 30;
/** Certificates begin this much earlier, for machines whose clocks are behind. */
const BACKDATED_MS = DAY_MS;

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2_048,
};
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

export interface CertificateRequest {
  /** The common name (CN), and the name of the files. Servers take it for the name of their client. */
  readonly name: string;
  /** Host names and addresses under which a server is reached. A client needs none. */
  readonly hosts?: readonly string[];
  /** Makes a new one that ends after this many days. For tests and drills. */
  readonly days?: number;
  /** The kind of its key: RSA for what signs as PayPal does. Default: an elliptic curve. */
  readonly key?: "rsa";
}

type Made = Required<Omit<CertificateRequest, "key">> & Pick<CertificateRequest, "key">;

/** The hosts of a server on this machine. */
export const THIS_MACHINE = ["localhost", "127.0.0.1"];

export class CertificateAuthority {
  readonly caFile: string;
  readonly #directory: string;
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;

  private constructor(directory: string, certificate: X509Certificate, key: CryptoKey) {
    this.#directory = directory;
    this.caFile = certificateFiles(directory, "ca").certFile;
    this.#certificate = certificate;
    this.#key = key;
  }

  /** The authority of this folder. Made the first time. */
  static async open(directory: string): Promise<CertificateAuthority> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { certFile, keyFile } = certificateFiles(directory, "ca");
    if (!existsSync(certFile) || !existsSync(keyFile)) await makeAuthority(certFile, keyFile);
    const certificate = new X509Certificate(readFileSync(certFile, "utf8"));
    return new CertificateAuthority(directory, certificate, await readKey(keyFile));
  }

  /**
   * Another authority in its place. From now on `caFile` has both, the new one first, until `trustAlone`; what the old one has issued stays
   * as it is.
   */
  async replaced(): Promise<CertificateAuthority> {
    const { certFile, keyFile } = certificateFiles(this.#directory, "ca");
    await makeAuthority(certFile, keyFile, pemOf(this.#certificate));
    return CertificateAuthority.open(this.#directory);
  }

  /** Takes every other authority out of `caFile`. */
  trustAlone(): void {
    write(this.caFile, pemOf(this.#certificate), 0o644);
  }

  /**
   * The files of this name: those from an earlier call, unless they are for other hosts, of another authority or about to expire. Call it
   * once per name at a time.
   */
  async issue({ name, hosts = [], days, ...kind }: CertificateRequest): Promise<CertificateFiles> {
    const files = certificateFiles(this.#directory, name);
    if (days !== undefined || !(await this.#isCurrent(files, hosts)))
      await this.#make({ name, hosts, days: days ?? CERTIFICATE_DAYS, ...kind }, files);
    return files;
  }

  /** New files of this name, whatever is there. Certificates that were read before count until they expire. */
  async renew({
    name,
    hosts = [],
    days = CERTIFICATE_DAYS,
    ...kind
  }: CertificateRequest): Promise<CertificateFiles> {
    const files = certificateFiles(this.#directory, name);
    await this.#make({ name, hosts, days, ...kind }, files);
    return files;
  }

  async #isCurrent({ certFile, keyFile }: CertificateFiles, hosts: readonly string[]): Promise<boolean> {
    if (!existsSync(certFile) || !existsSync(keyFile)) return false;
    const certificate = new X509Certificate(readFileSync(certFile, "utf8"));
    const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
    const isForHosts = names.map(({ value }) => value).join() === hosts.join();
    const isFresh = certificate.notAfter.getTime() - Date.now() > RENEW_BEFORE_DAYS * DAY_MS;
    return isForHosts && isFresh && (await certificate.verify({ publicKey: this.#certificate }));
  }

  async #make({ name, hosts, days, key }: Made, files: CertificateFiles): Promise<void> {
    const keys = await crypto.subtle.generateKey(key === "rsa" ? RSA : KEY, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create({
      ...validity(days),
      subject: [{ CN: [name] }],
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: SIGNATURE,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        // A broker is the server of its clients and the client of other brokers.
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth]),
        await AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
        ...alternativeNames(hosts),
      ],
    });
    await writeKey(files.keyFile, keys.privateKey);
    write(files.certFile, pemOf(certificate), 0o644);
  }
}

/** `others`: certificates that its file has as well. */
async function makeAuthority(certFile: string, keyFile: string, others = ""): Promise<void> {
  const keys = await crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  // A random part, because two authorities of one name would pass for each other until a signature is checked.
  const name = `checkout stack ${crypto.randomUUID().slice(0, 8)}`;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(AUTHORITY_DAYS),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeKey(keyFile, keys.privateKey);
  write(certFile, `${pemOf(certificate)}${others}`, 0o644);
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

function validity(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + days * DAY_MS) };
}

function alternativeNames(hosts: readonly string[]): readonly Extension[] {
  if (hosts.length === 0) return [];
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  return [new SubjectAlternativeNameExtension(names)];
}

async function readKey(file: string): Promise<CryptoKey> {
  const bytes = PemConverter.decodeFirst(readFileSync(file, "utf8"));
  return crypto.subtle.importKey("pkcs8", bytes, KEY, false, ["sign"]);
}

async function writeKey(file: string, key: CryptoKey): Promise<void> {
  const bytes = await crypto.subtle.exportKey("pkcs8", key);
  write(file, `${PemConverter.encode(bytes, "PRIVATE KEY")}\n`, 0o600);
}

/** Under another name first: whoever reads the file while it is replaced sees the old or the new one. */
function write(file: string, text: string, mode: number): void {
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text, { mode });
  renameSync(unfinished, file);
}
