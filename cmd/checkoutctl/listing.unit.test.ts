// A provider's ledger as the repair reads it.
import { expect, test } from "bun:test";
import type { ChargesAtProvider } from "../../internal/operations/payment-reopen.ts";
import type {
  LedgerPage,
  ProviderCharge,
  ProviderLedger,
  Span,
} from "../../internal/services/payment/providers/ledger.ts";
import { UNASKED } from "../../internal/testkit/payment-facts.ts";
import { listing } from "./listing.ts";

const charge = (provider_txn_id: string, changes: Partial<ProviderCharge> = {}): ProviderCharge => ({
  provider_txn_id,
  saga_id: null,
  isMarked: false,
  amount_cents: 600,
  currency: "EUR",
  answer: { kind: "succeeded", provider_txn_id },
  ...changes,
});
const asked = () => Promise.reject(new Error("nobody asks for this"));

function listed(ledger: Partial<ProviderLedger>) {
  const all = { charges: asked, refunds: asked, charge: asked, refund: asked };
  return listing({ provider: UNASKED, ledger: { ...all, ...ledger }, ledgerLagMs: 5 });
}

const idsOf = async (pages: ChargesAtProvider) =>
  (await Array.fromAsync(pages)).map((page) => page.map(({ provider_txn_id }) => provider_txn_id));

test("all pages since a time, and what each charge says of its money", async () => {
  const pages: Record<string, LedgerPage<ProviderCharge>> = {
    first: { entries: [charge("C1", { held_as: null }), charge("C2")], next: "second" },
    second: { entries: [charge("C3")], next: null },
  };
  const provider = listed({
    charges: ({ fromMs }, after) =>
      fromMs === 1_000 ? Promise.resolve(pages[after ?? "first"] ?? asked()) : asked(),
    charge: (id) =>
      Promise.resolve(
        id === "A1"
          ? charge("order:O1", { answer: { kind: "authorized", provider_txn_id: "order:O1" } })
          : null,
      ),
  });
  expect(provider).toMatchObject({ name: "paypal", lagMs: 5 });
  const read = await Array.fromAsync(provider.chargesSince(1_000));
  expect(read.flat()).toMatchObject([
    { provider_txn_id: "C1", money: "taken", mayTakeHold: true },
    { provider_txn_id: "C2", money: "taken" },
    { provider_txn_id: "C3" },
  ]);
  expect(read.flat()[1]).not.toHaveProperty("mayTakeHold");
  expect(await provider.lookUp("A1")).toMatchObject({ provider_txn_id: "order:O1", money: "held" });
  expect(await provider.lookUp("A2")).toBeNull();
});

test("a span with too many charges is read in halves, down to a second", async () => {
  const at = [0, 1_000, 2_000, 3_000];
  const inSpan = ({ fromMs, untilMs }: Span) => at.filter((ms) => ms >= fromMs && ms < untilMs);
  const upTo = (most: number) => ({
    charges(span: Span): Promise<LedgerPage<ProviderCharge>> {
      const found = inSpan(span);
      return Promise.resolve(
        found.length > most
          ? { entries: [], next: null, isTooLong: true }
          : { entries: found.map((ms) => charge(`C${ms}`)), next: null },
      );
    },
  });
  const ids = (await idsOf(listed(upTo(1)).chargesSince(0))).flat();
  expect(ids).toEqual(["C0", "C1000", "C2000", "C3000"]);
  await expect(idsOf(listed(upTo(0)).chargesSince(0))).rejects.toMatchObject({ code: "PROVIDER_REJECTED" });
});
