// Which of several hosts is the primary, from what each of them said. Pure. Called by postgres-hosts.ts.
import { AppError } from "../kernel/errors.ts";

export interface PrimaryState {
  readonly kind: "primary";
  /** Grows with every promotion. */
  readonly timeline: number;
  /** The same for a primary and its standbys. */
  readonly system: string;
  /** Another one for each start of a server: two names of one server are no two primaries. */
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

/** The latest timeline that was seen of each system, and where. */
export type Seen = ReadonlyMap<string, { readonly timeline: number; readonly name: string }>;

/**
 * The index of the primary of the latest timeline. With `acceptsStandby` and no primary, that of a standby. Throws DATABASE_UNAVAILABLE, which
 * says for each host what it is, if there is none; if there are two and neither is later; and if the only one is older than one that was seen before:
 * that server was replaced, and what it takes is lost.
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
      `${latest.name} and ${twin.name} are both primaries of timeline ${latest.timeline}: stop the one that was replaced`,
    );
  const newest = seen.get(latest.system);
  if (newest !== undefined && newest.timeline > latest.timeline)
    throw unavailable(
      `${latest.name} is a primary of timeline ${latest.timeline}, which was replaced: ${newest.name} was promoted to timeline ${newest.timeline}. ` +
        "Start that one; or, if you have given up what it took, restart this role",
    );
  return latest.index;
}

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
