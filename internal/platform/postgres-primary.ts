// Which of several hosts is the primary, from the answer of each. Pure. Called by postgres-hosts.ts.
import { AppError } from "../kernel/errors.ts";

export interface PrimaryState {
  readonly kind: "primary";
  /** Grows with every promotion. */
  readonly timeline: number;
  /** The same for a primary and its standbys. */
  readonly system: string;
  /** Another one for each start of a server: so two names of one server do not count as two primaries. */
  readonly server: string;
}

export type HostState =
  | PrimaryState
  | { readonly kind: "standby" }
  | { readonly kind: "away"; readonly why: string }
  /** It has not answered yet, and a primary has. */
  | { readonly kind: "unknown" };

export interface HostAnswer {
  /** `db1:5432` */
  readonly name: string;
  readonly state: HostState;
}

/** The primary of the latest timeline that was seen. */
export interface SeenPrimary {
  readonly timeline: number;
  /** All under which it was found. It may come back under any of them, after a restart. */
  readonly names: readonly string[];
}

/** By system. */
export type Seen = ReadonlyMap<string, SeenPrimary>;

/**
 * The index of the primary of the latest timeline. With `acceptsStandby` and no primary, that of a standby. Throws DATABASE_UNAVAILABLE, which
 * says for each host what it is, if there is none; if there are two and neither is later; if the only one is older than one that was seen before:
 * that server was replaced, and what it takes is lost; and if it has the timeline of one that was seen under other names: two standbys that were promoted from
 * one timeline get the same number, and nothing that a role may read shows which of them has what was acknowledged.
 */
export function choosePrimary(answers: readonly HostAnswer[], seen: Seen, acceptsStandby: boolean): number {
  const primaries = answers.flatMap(({ name, state }, index) =>
    state.kind === "primary" ? [{ name, index, ...state }] : [],
  );
  const [latest] = primaries.toSorted((a, b) => b.timeline - a.timeline);
  if (latest === undefined) {
    const standby = answers.findIndex(({ state }) => state.kind === "standby");
    if (acceptsStandby && standby !== -1) return standby;
    throw unavailable(`no host is the primary: ${answers.map(inWords).join("; ")}`);
  }
  const others = primaries.filter(({ server }) => server !== latest.server);
  const foreign = others.find(({ system }) => system !== latest.system);
  if (foreign !== undefined)
    throw unavailable(
      `${latest.name} and ${foreign.name} are primaries of different databases: correct the address`,
    );
  const twin = others.find(({ timeline }) => timeline === latest.timeline);
  if (twin !== undefined)
    throw unavailable(
      `${latest.name} and ${twin.name} are both primaries of timeline ${latest.timeline}, so neither is the later one: stop the one that must not be used (${SEE_RUNBOOK})`,
    );
  const newest = seen.get(latest.system);
  if (newest !== undefined && newest.timeline > latest.timeline)
    throw unavailable(
      `${latest.name} is a primary of timeline ${latest.timeline}, which was replaced: ${newest.names.join(", ")} was promoted to timeline ${newest.timeline}. ` +
        "Start that one; or, if you have given up what it took, restart this role",
    );
  const names = namesOf(latest.server, primaries);
  if (newest?.timeline === latest.timeline && !names.some((name) => newest.names.includes(name)))
    throw unavailable(
      `${latest.name} is a primary of timeline ${latest.timeline}, and so was ${newest.names.join(", ")}, which this role has used: one of two standbys that were promoted. ` +
        `Start that one; or, if ${latest.name} is the one to keep, restart this role (${SEE_RUNBOOK})`,
    );
  return latest.index;
}

/** What was seen with this choice as well. */
export function seenWith(seen: Seen, answers: readonly HostAnswer[], chosen: number): Seen {
  const state = answers[chosen]?.state;
  if (state?.kind !== "primary") return seen;
  const { system, timeline, server } = state;
  const primaries = answers.flatMap((answer) =>
    answer.state.kind === "primary" ? [{ name: answer.name, server: answer.state.server }] : [],
  );
  const before = seen.get(system);
  const known = before?.timeline === timeline ? before.names : [];
  const names = [...new Set([...known, ...namesOf(server, primaries)])];
  return new Map(seen).set(system, { timeline, names });
}

function namesOf(
  server: string,
  primaries: readonly { readonly name: string; readonly server: string }[],
): readonly string[] {
  return primaries.filter((one) => one.server === server).map(({ name }) => name);
}

const SEE_RUNBOOK = "runbook, Two primaries of the same timeline";

function unavailable(why: string): AppError {
  return new AppError("DATABASE_UNAVAILABLE", why);
}

function inWords({ name, state }: HostAnswer): string {
  switch (state.kind) {
    case "standby":
      return `${name} is a standby, which cannot write`;
    case "away":
      return `${name} does not answer (${state.why})`;
    case "unknown":
      return `${name} has not answered yet`;
    case "primary":
      return `${name} is a primary`;
    default:
      return state satisfies never;
  }
}
