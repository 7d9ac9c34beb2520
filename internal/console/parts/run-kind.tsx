// What a plan or run is, and how it stands, as the list and its page show it.
import type { BulkKind, RunState } from "../../operations/plan.ts";
import type { RunView } from "../../operations/plans.ts";
import { Status, type Tone } from "./bits.tsx";

const TONES: Readonly<Record<RunState, Tone>> = {
  draft: "running",
  running: "running",
  paused: "warn",
  stopped: "bad",
  done: "good",
  expired: "bad",
};

const KINDS: Readonly<Record<BulkKind, string>> = {
  "dead-letter.replay": "Replay of dead letters",
  "dead-letter.discard": "Discard of dead letters",
  "outbox.republish": "Outboxes sent again",
};

export function RunKind({ kind }: Pick<RunView, "kind">) {
  return <span title={kind}>{KINDS[kind]}</span>;
}

export function RunStatus({ state }: Pick<RunView, "state">) {
  return <Status tone={TONES[state]}>{state}</Status>;
}
