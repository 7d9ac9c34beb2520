// The main job on the whole stack, from compiled binaries: real checkouts through the gateway, all brought to rest, judged by the
// auditor; once undisturbed, as the demo does it, and once with every role killed in the middle.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLoop } from "../../bench/open-loop.ts";
import { cartOf, Shopper } from "../../bench/shopper.ts";
import type { SagaStatusView } from "../../schemas/http.ts";
import { loadCatalogue } from "../operations/catalogue.ts";
import { processesOf } from "../testkit/processes.ts";
import { buildAll, buildableRoles } from "./build.ts";
import { cleanEnvironment } from "./child.ts";
import { DIST, REPOSITORY } from "./paths.ts";
import { ROLES, operatorEnvironment } from "./role-env.ts";
import { ensureSecrets } from "./secrets.ts";
import { type Stack, startStack } from "./stack.ts";
import { wipe } from "./wipe.ts";

const BUILD_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 240_000;
/** Beyond the longest deadline of a saga and the slowest retry of a compensation. */
const PATIENCE_MS = 150_000;
const CHECKOUTS = 200;
const CHECKOUTS_PER_SECOND = 20;
const CURRENCY = "EUR";

const parent = mkdtempSync(join(tmpdir(), "checkout-e2e-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
beforeAll(() => buildAll(buildableRoles(), () => {}), BUILD_TIMEOUT_MS);

test(
  "the demo brings every checkout to rest, passes the audit and leaves nothing running",
  async () => {
    const directory = join(parent, "demo");
    const demo = Bun.spawn([process.execPath, join(REPOSITORY, "internal/stack/demo.ts"), "--orders", "40"], {
      env: cleanEnvironment({ STACK_DIR: directory }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [output, errors, code] = await Promise.all([demo.stdout.text(), demo.stderr.text(), demo.exited]);
    expect({ code, errors, output }).toMatchObject({ code: 0 });
    expect(output).toContain("audit clean");
    expect(processesOf(directory)).toEqual([]);
    wipe(directory);
  },
  TEST_TIMEOUT_MS,
);

test(
  "each role killed in turn and started again: every checkout comes to rest and the audit is clean",
  async () => {
    const directory = join(parent, "kills");
    {
      await using stack = await startStack({ dataDirectory: directory });
      const shopping = shop(stack);
      for (const role of ROLES) {
        stack.kill(role, "SIGKILL");
        await stack.restart(role);
      }
      const views = await shopping;
      const unfinished = views.filter(
        (view) => view?.status !== "COMPLETED" && view?.status !== "COMPENSATED",
      );
      expect(unfinished).toEqual([]);
      expect(views.filter((view) => view?.status === "COMPLETED").length).toBeGreaterThan(CHECKOUTS / 2);
      expect(await audit(stack)).toMatchObject({ code: 0 });
    }
    expect(processesOf(directory)).toEqual([]);
    wipe(directory);
  },
  TEST_TIMEOUT_MS,
);

/** One in ten pays with a card that is declined. Resolves with how each checkout ended. */
async function shop(stack: Stack): Promise<(SagaStatusView | null)[]> {
  const { gateway, inventory } = stack.addresses;
  const { jwt_hs256_secret: jwtSecret } = await ensureSecrets(stack.dataDirectory);
  const shelf = ["tea", "cup", "pot"];
  await loadCatalogue(
    inventory,
    shelf.map((sku_id) => {
      return { sku_id, name: sku_id, unit_price_cents: 495, currency: CURRENCY, add_count: CHECKOUTS };
    }),
  );
  const shopper = await Shopper.signIn({ gateway, jwtSecret, userId: Bun.randomUUIDv7() });
  const views: Promise<SagaStatusView | null>[] = [];
  await openLoop(CHECKOUTS_PER_SECOND, CHECKOUTS, (index) => {
    const card = index % 10 === 0 ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
    views.push(placeOne(shopper, cartOf([shelf[index % shelf.length] ?? "tea"], card, CURRENCY)));
  });
  return Promise.all(views);
}

async function placeOne(shopper: Shopper, cart: ReturnType<typeof cartOf>): Promise<SagaStatusView | null> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const { saga_id } = await shopper.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
  return shopper.status(saga_id, giveUpAt);
}

async function audit({ addresses, dataDirectory }: Stack): Promise<{ code: number; output: string }> {
  const secrets = await ensureSecrets(dataDirectory);
  const child = Bun.spawn([join(DIST, "checkoutctl"), "audit", "--expect-rest"], {
    env: cleanEnvironment(operatorEnvironment({ addresses, secrets })),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}
