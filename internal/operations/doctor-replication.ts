// Pure: judges for `checkoutctl doctor` whether an acknowledged checkout survives the loss of a database's primary, and whether somebody can
// take over.
import type { Finding } from "../../schemas/doctor.ts";
import { finding } from "./doctor-verdicts.ts";

const MIB = 2 ** 20;
/** A standby this far behind needs a moment before it can take over. */
const FAR_BEHIND_BYTES = 64 * MIB;
const SEE_RUNBOOK = "see the runbook, Postgres fails over";
/** Of synchronous_commit: a commit waits for the synchronous standbys. */
const WAITING: ReadonlySet<string> = new Set(["on", "remote_write", "remote_apply"]);

/** A row of pg_stat_replication. All but the name is null where the user may not see it. */
export interface StandbyFacts {
  /** Its `application_name`. */
  readonly name: string | null;
  readonly address: string | null;
  /** `streaming` if it has caught up. */
  readonly state: string | null;
  readonly syncState: string | null;
  readonly behindBytes: number | null;
}

export interface ReplicationFacts {
  readonly isStandby: boolean;
  readonly synchronousNames: string;
  /** As this user's sessions have it. */
  readonly synchronousCommit: string;
  readonly user: string;
  readonly standbys: readonly StandbyFacts[];
}

export interface HostFacts {
  /** `db1:5432` */
  readonly name: string;
  readonly state:
    | {
        readonly kind: "primary";
        readonly system: string;
        readonly server: string;
        readonly timeline: number;
      }
    | { readonly kind: "standby" | "unknown" }
    | { readonly kind: "away"; readonly why: string };
}

export function judgeReplication(subject: string, facts: ReplicationFacts): Finding {
  const of = (judged: Parameters<typeof finding>[2]) => finding("replication", subject, judged);
  const { isStandby, synchronousNames, synchronousCommit, user, standbys } = facts;
  if (isStandby) return of({ verdict: "not checked", says: "only a primary knows its standbys" });
  const isHidden = standbys.length > 0 && standbys.every(({ state }) => state === null);
  if (isHidden && synchronousNames !== "")
    return of({
      verdict: "not checked",
      says: `${user} may not see what its standbys do`,
      todo: `grant pg_read_all_stats to ${user}`,
    });
  const streaming = standbys.filter(({ state }) => state === "streaming");
  const waitedFor = streaming.filter(isSynchronous);
  const list = standbys.map(inWords).join(", ");
  if (synchronousNames !== "" && waitedFor.length === 0)
    return of({
      verdict: "problem",
      says: `every commit waits forever: synchronous_standby_names is ${synchronousNames}, and none of those streams${list === "" ? "" : ` (${list})`}`,
      todo: `start the standby; if it is lost, alter system reset synchronous_standby_names; select pg_reload_conf(). ${SEE_RUNBOOK}`,
    });
  if (standbys.length === 0)
    return of({
      verdict: "warning",
      says: "no standby streams from it: what was acknowledged since the last backup is lost with its disk",
      todo: `make a synchronous standby; ${SEE_RUNBOOK}`,
    });
  if (synchronousNames === "")
    return of({
      verdict: "warning",
      says: `an acknowledged checkout may be lost with the primary: no standby is synchronous (${list})`,
      todo: `alter system set synchronous_standby_names = 'NAME', of a standby; select pg_reload_conf(). ${SEE_RUNBOOK}`,
    });
  if (!WAITING.has(synchronousCommit))
    return of({
      verdict: "warning",
      says: `an acknowledged checkout may be lost with the primary: synchronous_commit is ${synchronousCommit} for ${user}, so no commit waits for a standby`,
      todo: "leave synchronous_commit at on, for the server, the database and each user",
    });
  const far = waitedFor.find(({ behindBytes }) => (behindBytes ?? 0) > FAR_BEHIND_BYTES);
  if (far !== undefined)
    return of({
      verdict: "warning",
      says: `nothing acknowledged is lost with the primary, but ${inWords(far)}: a takeover waits until it has replayed that`,
      todo: "look for what slows it: its disk, or a long query there",
    });
  return of({ verdict: "ok", says: `nothing acknowledged is lost with the primary: ${list}` });
}

function isSynchronous({ syncState }: StandbyFacts): boolean {
  return syncState === "sync" || syncState === "quorum";
}

function inWords(standby: StandbyFacts): string {
  const { name, address, state, behindBytes } = standby;
  const kind = isSynchronous(standby) ? "synchronous" : "asynchronous";
  const behind = behindBytes === null ? "" : `, ${(behindBytes / MIB).toFixed(1)} MiB behind`;
  const where = address === null ? "" : ` at ${address}`;
  return `standby ${name ?? "without a name"}${where} is ${state ?? "hidden"}, ${kind}${behind}`;
}

/** Of a URL with several hosts. */
export function judgeHosts(subject: string, hosts: readonly HostFacts[]): Finding {
  const of = (judged: Parameters<typeof finding>[2]) => finding("hosts", subject, judged);
  const primaries = hosts.flatMap(({ state }) => (state.kind === "primary" ? [state] : []));
  const servers = new Set(primaries.map(({ server }) => server));
  const says = hosts.map(hostInWords).join("; ");
  if (new Set(primaries.map(({ system }) => system)).size > 1)
    return of({
      verdict: "problem",
      says: `primaries of different databases: ${says}`,
      todo: "correct the address: leave out the host that is of another database",
    });
  if (servers.size > 1) {
    const isOneOlder = new Set(primaries.map(({ timeline }) => timeline)).size > 1;
    return of({
      verdict: "problem",
      says: `more than one primary: ${says}`,
      todo: isOneOlder
        ? `stop the one with the lower timeline at once, and never let it take writes again; ${SEE_RUNBOOK}`
        : "neither is the later one, so the roles open no connection to either: find out which one to keep, and stop the other; see the runbook, Two primaries of the same timeline",
    });
  }
  if (servers.size === 0)
    return of({ verdict: "problem", says: `no primary: ${says}`, todo: `promote a standby; ${SEE_RUNBOOK}` });
  if (hosts.every(({ state }) => state.kind === "primary" || state.kind === "standby"))
    return of({ verdict: "ok", says });
  return of({ verdict: "warning", says, todo: `start what does not answer, or rebuild it; ${SEE_RUNBOOK}` });
}

function hostInWords({ name, state }: HostFacts): string {
  if (state.kind === "away") return `${name} does not answer (${state.why})`;
  return state.kind === "primary"
    ? `${name} is the primary (timeline ${state.timeline})`
    : `${name} is a ${state.kind === "standby" ? "standby" : "server of an unknown kind"}`;
}
