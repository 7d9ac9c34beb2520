// What only a running systemd shows of the units: that its address rules hold, and that a role that hangs is replaced. Called by walk.ts.
import { waitUntil } from "../wait.ts";
import type { Booted } from "./machine.ts";

/** WatchdogSec of the units is 30 s. */
const WATCHDOG_TIMEOUT_MS = 120_000;
const EVERYBODY = "0.0.0.0/0 ::/0";

/** The unit's rules let it reach another machine, and block it without that address. Returns what was seen. */
export async function addressRules(
  from: Booted,
  to: Pick<Booted, "name" | "address">,
  unit: string,
): Promise<string> {
  const rule = async (property: string) =>
    (await from.sh(`systemctl show --property=${property} --value ${unit}`)).trim().split(/\s+/);
  const refusedByUnit = (await rule("IPAddressDeny")).toSorted().join(" ");
  if (refusedByUnit !== EVERYBODY) throw new Error(`${unit} refuses only ${refusedByUnit}`);
  // systemd-run accepts names only one by one, not in a list.
  const ask = (allowed: readonly string[]) =>
    from.sh(
      `systemd-run --quiet --wait --pipe -p IPAddressDeny=any ${allowed.map((one) => `-p IPAddressAllow=${one}`).join(" ")} ` +
        `curl -sS -m 3 -o /dev/null -w '%{http_code}' http://${to.address}:9101/healthz || echo " refused"`,
    );
  const [allowed, denied] = [
    (await ask(await rule("IPAddressAllow"))).trim(),
    (await ask(["localhost"])).trim(),
  ];
  if (allowed !== "200") throw new Error(`with the address rules of ${unit}: ${allowed}`);
  if (!denied.includes("refused")) throw new Error(`an address that is not allowed was reached: ${denied}`);
  return `address rules: ${to.name} answers ${allowed} with those of ${unit}; without its address: ${denied.replaceAll("\n", " ")}`;
}

/** Freezes a role. Returns how long the watchdog took to replace it. */
export async function watchdog(machine: Booted, unit: string): Promise<string> {
  const begun = performance.now();
  await machine.sh(`systemctl kill --signal=STOP ${unit}`);
  const isReplaced = async () => {
    const state = await machine.sh(`systemctl show --property=NRestarts,ActiveState --value ${unit}`);
    const [restarts, active] = state.trim().split("\n").toSorted();
    return Number(restarts) > 0 && active === "active";
  };
  await waitUntil(`${unit} is replaced`, isReplaced, { timeoutMs: WATCHDOG_TIMEOUT_MS, intervalMs: 1_000 });
  return `watchdog: ${unit} on ${machine.name} was frozen, and is active again after ${((performance.now() - begun) / 1_000).toFixed(0)} s`;
}
