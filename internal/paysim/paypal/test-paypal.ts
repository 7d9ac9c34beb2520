// For tests only: a simulated PayPal on a free port with a ledger in a temporary folder, and a payer for its page.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { PayPalLedgerEntry } from "../../../schemas/paypal-ledger.ts";
import { FaultSettings } from "../faults.ts";
import type { PayPalWebhookTarget } from "./events.ts";
import { type OpenedPayPal, openPayPal } from "./start.ts";

/** PayPal's for orders; the simulator forgets the keys of captures as early. */
const KEY_LIFETIME_MS = 6 * 3_600_000;

interface Running extends OpenedPayPal {
  readonly server: Bun.Server<undefined>;
}

export class TestPayPal implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "paysim-paypal-"));
  readonly ledgerFile = join(this.#folder, "ledger.jsonl");
  nowMs = Date.parse("2026-03-01T12:00:00Z");
  readonly #webhooks: PayPalWebhookTarget | undefined;
  #running: Running;

  /** `webhooks`: where its events go. */
  constructor(webhooks?: PayPalWebhookTarget) {
    this.#webhooks = webhooks;
    this.#running = this.#launch();
  }

  get url(): string {
    return this.#running.face.addresses.api;
  }

  get simulator(): OpenedPayPal["simulator"] {
    return this.#running.simulator;
  }

  stats(): Record<string, number> {
    return this.#running.face.stats();
  }

  /** A fault that is left out is off. */
  setFaults(faults: Partial<FaultSettings>): void {
    this.simulator.faults = Value.Parse(FaultSettings, { latency: "fixed:0", ...faults });
  }

  /** Access tokens end now, as after a restart of PayPal. */
  async revokeTokens(): Promise<void> {
    await fetch(`${this.url}/_sim/revoke-tokens`, { method: "POST" });
  }

  /** The payer presses a button of the page; returns where it leads to. */
  async press(order: string, answer: "approve" | "declined" | "capture_declined" | "refuse"): Promise<URL> {
    const body = new URLSearchParams({ token: order, answer });
    const response = await fetch(`${this.url}/checkoutnow`, { method: "POST", body, redirect: "manual" });
    const location = response.headers.get("location");
    if (location === null) throw new Error(`the page answered ${response.status}`);
    return new URL(location);
  }

  /** All entries of the ledger file, as an auditor reads them. */
  entries(): PayPalLedgerEntry[] {
    const lines = readFileSync(this.ledgerFile, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => Value.Parse(PayPalLedgerEntry, JSON.parse(line)));
  }

  kinds(): readonly string[] {
    return this.entries().map(({ kind }) => kind);
  }

  /** Starts again from the ledger file, on another port; everything else is gone. */
  async restart(): Promise<void> {
    await this.#stop();
    this.#running = this.#launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    rmSync(this.#folder, { recursive: true });
  }

  async #stop(): Promise<void> {
    this.#running.simulator.abandonHeld();
    await this.#running.server.stop(true);
    await this.#running[Symbol.asyncDispose]();
  }

  #launch(): Running {
    const opened = openPayPal({
      ledgerFile: this.ledgerFile,
      keyLifetimeMs: KEY_LIFETIME_MS,
      seed: 7,
      latency: "fixed:0",
      clock: { now: () => this.nowMs },
      webhooks: this.#webhooks,
    });
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => opened.face.answer(request, new URL(request.url).pathname),
    });
    const url = `http://127.0.0.1:${server.port}`;
    opened.face.addresses = { api: url, pages: url };
    return { ...opened, server };
  }
}
