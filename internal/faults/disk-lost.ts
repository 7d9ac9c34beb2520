// The machine of a Postgres primary is lost with its disk, and its standby takes its place. A new standby is built when the lost server starts
// again (stack/servers/postgres-pair.ts). Used by the chaos runs and the e2e tests, on a stack that was started with `--standby`.
import { rmSync } from "node:fs";
import { dataDirectoryOf, type Holder, isStandby, promote, until } from "./failover.ts";

export interface PairMember {
  /** Of the process. */
  readonly name: string;
  /** A superuser's URL of this server alone. */
  readonly url: string;
}

export interface LostDisk {
  /** The name of the server that is gone. */
  readonly lost: string;
  /** On the clock of `performance.now()`. */
  readonly killedAt: number;
}

/** Kills the primary of the two, deletes its data, and promotes the other one. Resolves when that takes writes. */
export async function loseDisk(target: Holder, pair: readonly PairMember[]): Promise<LostDisk> {
  const states = await Promise.all(
    pair.map(async (one) => ({ ...one, isStandby: await isStandby(one.url) })),
  );
  const primary = states.find((one) => !one.isStandby);
  const standby = states.find((one) => one.isStandby);
  if (primary === undefined || standby === undefined)
    throw new Error(`${pair.map(({ name }) => name).join(" and ")} are not a primary and its standby`);
  const data = dataDirectoryOf(target.proven(primary.name)[0]);
  const killedAt = performance.now();
  target.hold(primary.name);
  await until(`${primary.name} has ended`, () => target.ended().includes(primary.name));
  rmSync(data, { recursive: true, force: true });
  await promote(standby.url);
  return { lost: primary.name, killedAt };
}
