// The certificates with which PayPal signs its webhook events: fetched from PayPal's own hosts alone, checked against the given roots, and
// kept. An event names the address of its certificate, so this is what stands between a stranger and a forged event. Whoever reaches the
// webhook can name addresses, so few are fetched at a time, and no long answer is read. Called by paypal-events.ts.
import { X509Certificate } from "node:crypto";
import { limitedText } from "../../../../kernel/limited-text.ts";
import type { Clock } from "../../../../kernel/ports.ts";

const FETCH_TIMEOUT_MS = 5_000;
/** A chain of three certificates is about 6 KB. */
const MAX_BYTES = 64 * 1_024;
const MAX_CHAIN = 6;
/** PayPal changes its certificate about once a year; a forged address must not fill the memory. */
const MAX_KEPT = 16;
/** At a time. PayPal signs with one certificate, or with two while it changes. */
const MAX_FETCHES = 4;
/** An address that led to nothing is asked again after this time. When this many have failed, no new one is asked before that. */
const RETRY_AFTER_MS = 30_000;
const MAX_FAILED = 16;

export interface CertificateRules {
  /** A certificate is fetched from these hosts and the hosts below them, and from nowhere else. Lower case. */
  readonly hosts: readonly string[];
  /** PEM certificates that PayPal's chain must end at. */
  readonly roots: readonly string[];
  /**
   * The roots sign for anybody, as public authorities do: the certificate must also be of one of the hosts, or of one below
   * (PayPal's are of messageverificationcerts.paypal.com).
   */
  readonly arePublic?: boolean;
  /** Only tests and simulators are without https. */
  readonly allowsHttp?: boolean;
  readonly clock: Clock;
}

export class Certificates {
  readonly #rules: CertificateRules;
  readonly #roots: readonly X509Certificate[];
  readonly #kept = new Map<string, readonly X509Certificate[]>();
  readonly #asked = new Map<string, Promise<readonly X509Certificate[] | null>>();
  readonly #failedAt = new Map<string, number>();

  constructor(rules: CertificateRules) {
    this.#rules = rules;
    this.#roots = rules.roots.flatMap(certificatesIn);
  }

  /**
   * The signing certificate at `address`. `refused`: nobody may sign with it. `unavailable`: it could not be fetched now, so nothing is
   * known about the signature.
   */
  async at(address: string): Promise<X509Certificate | "refused" | "unavailable"> {
    const url = this.#allowed(address);
    if (url === null) return "refused";
    const chain = this.#kept.get(url.href) ?? (await this.#fetched(url));
    if (chain === null) return "unavailable";
    const leaf = trustedLeaf(chain, this.#roots, this.#rules.clock.now());
    if (leaf === null || (this.#rules.arePublic === true && !this.#isTheirs(commonName(leaf)))) {
      this.#failed(url);
      return "refused";
    }
    // Behind all others: what strangers name goes first.
    keep(this.#kept, url.href, chain);
    return leaf;
  }

  /** Without a query, so that nobody can make many addresses of one. */
  #allowed(address: string): URL | null {
    if (!URL.canParse(address)) return null;
    const url = new URL(address);
    const isSafe = url.protocol === "https:" || (url.protocol === "http:" && this.#rules.allowsHttp === true);
    const { hostname, username, password, search, hash } = url;
    const isPlain = username === "" && password === "" && search === "" && hash === "";
    return isSafe && isPlain && this.#isTheirs(hostname) ? url : null;
  }

  #isTheirs(name: string): boolean {
    return this.#rules.hosts.some((host) => name === host || name.endsWith(`.${host}`));
  }

  /** However many events name it, it is fetched once. */
  async #fetched(url: URL): Promise<readonly X509Certificate[] | null> {
    const asked = this.#asked.get(url.href);
    if (asked !== undefined) return asked;
    this.#forgetFailures();
    const isFull = this.#asked.size >= MAX_FETCHES || this.#failedAt.size >= MAX_FAILED;
    if (isFull || this.#failedAt.has(url.href)) return null;
    const fetching = fetchChain(url).finally(() => this.#asked.delete(url.href));
    this.#asked.set(url.href, fetching);
    const chain = await fetching;
    if (chain === null) this.#failed(url);
    return chain;
  }

  #failed(url: URL): void {
    this.#kept.delete(url.href);
    this.#failedAt.set(url.href, this.#rules.clock.now());
  }

  #forgetFailures(): void {
    const now = this.#rules.clock.now();
    for (const [address, at] of this.#failedAt)
      if (now < at || now >= at + RETRY_AFTER_MS) this.#failedAt.delete(address);
  }
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_KEPT && oldest !== undefined) map.delete(oldest);
}

/** The name that the certificate is for, in lower case; empty if it has none, or several. */
function commonName({ subject }: X509Certificate): string {
  const [name, ...more] = subject.split("\n").filter((line) => line.startsWith("CN="));
  return name === undefined || more.length > 0 ? "" : name.slice("CN=".length).toLowerCase();
}

async function fetchChain(url: URL): Promise<readonly X509Certificate[] | null> {
  try {
    // A redirect could lead to any host.
    const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!response.ok) return null;
    const pem = await limitedText(response.body, MAX_BYTES);
    const chain = certificatesIn(pem ?? "");
    return chain.length === 0 ? null : chain;
  } catch {
    return null;
  }
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.slice(0, 200).map((block) => new X509Certificate(block));
}

/** The first certificate, if each of the chain is signed by the next and the last by a root, and all are valid at `now`. */
function trustedLeaf(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): X509Certificate | null {
  const [leaf, ...rest] = chain;
  if (leaf === undefined || leaf.ca || !isValid(leaf, now)) return null;
  let current = leaf;
  for (let length = 0; length < MAX_CHAIN; length += 1) {
    const subject = current;
    const isRoot = (root: X509Certificate) => isSignedBy(subject, root) && isValid(root, now);
    if (roots.some(isRoot)) return leaf;
    const issuer = rest.find(
      (one) => one !== subject && one.ca && isSignedBy(subject, one) && isValid(one, now),
    );
    if (issuer === undefined) return null;
    current = issuer;
  }
  return null;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValid(certificate: X509Certificate, now: number): boolean {
  return now >= Date.parse(certificate.validFrom) && now <= Date.parse(certificate.validTo);
}
