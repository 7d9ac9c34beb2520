// Pure: judges for `checkoutctl doctor` what the Sentinels of Redis say: whether they know the master, whether enough of them could agree on a
// failover, and whether there is a replica to promote.
import type { Finding } from "../../schemas/doctor.ts";
import { finding } from "./doctor-verdicts.ts";

const FEWEST_SENTINELS = 3;
const CHECK = "sentinels";
const SEE_RUNBOOK = "see the runbook, Redis fails over";

/** What one Sentinel says. */
export interface SentinelFacts {
  /** `host:port` */
  readonly place: string;
  /** `host:port` of the master. */
  readonly master: string;
  /** It cannot reach the master. */
  readonly isMasterDown: boolean;
  /** All that it knows, itself included. */
  readonly sentinels: number;
  readonly quorum: number;
  readonly replicas: number;
  /** Those that follow the master and could take its place. */
  readonly goodReplicas: number;
  /** Why the Sentinels could not agree on a failover; undefined if they could. */
  readonly disagreement: string | undefined;
}

/** One that does not answer, or does not know the master. */
export interface AwaySentinel {
  readonly place: string;
  readonly why: string;
}

export function judgeSentinels(all: readonly (SentinelFacts | AwaySentinel)[]): readonly Finding[] {
  const present = all.filter((one) => "master" in one);
  const most = mostNamed(present);
  return all.map((one) =>
    "why" in one ? judgeAway(one, all.length - present.length, all.length) : judge(one, most),
  );
}

function judgeAway({ place, why }: AwaySentinel, away: number, count: number): Finding {
  const isMajorityLost = 2 * away >= count;
  return finding(CHECK, place, {
    verdict: isMajorityLost ? "problem" : "warning",
    says: `${why}${isMajorityLost ? "; too few are left for a failover" : ""}`,
    todo: `start it, or correct REDIS_SENTINELS; ${SEE_RUNBOOK}`,
  });
}

function judge(facts: SentinelFacts, most: string | undefined): Finding {
  const { place, master, sentinels, quorum, replicas, goodReplicas } = facts;
  const of = (verdict: Finding["verdict"], says: string, todo: string) =>
    finding(CHECK, place, { verdict, says, todo });
  if (facts.isMasterDown)
    return of(
      "problem",
      `it cannot reach the master ${master}`,
      `wait for the failover, or start a Redis; ${SEE_RUNBOOK}`,
    );
  if (facts.disagreement !== undefined)
    return of(
      "problem",
      `the Sentinels could not agree on a failover: ${facts.disagreement}`,
      `start the missing Sentinels; ${SEE_RUNBOOK}`,
    );
  if (master !== most)
    return of(
      "warning",
      `says that the master is ${master}, most say ${most}`,
      `it may be cut off, or a failover is not over; ${SEE_RUNBOOK}`,
    );
  if (goodReplicas === 0)
    return of(
      "warning",
      `the master ${master} has ${replicas === 0 ? "no replica" : `${replicas} replicas, and none follows it`}: nothing could take its place`,
      `start a replica; ${SEE_RUNBOOK}`,
    );
  if (sentinels < FEWEST_SENTINELS)
    return of(
      "warning",
      `knows ${sentinels} Sentinels: with fewer than ${FEWEST_SENTINELS} none may fail`,
      `start ${FEWEST_SENTINELS - sentinels} more, on machines of their own`,
    );
  return finding(CHECK, place, {
    verdict: "ok",
    says: `knows the master ${master}, ${goodReplicas} of ${replicas} replicas, ${sentinels} Sentinels (quorum ${quorum})`,
  });
}

function mostNamed(present: readonly SentinelFacts[]): string | undefined {
  const byMaster = Map.groupBy(present, ({ master }) => master);
  return [...byMaster].toSorted(([, one], [, other]) => other.length - one.length)[0]?.[0];
}
