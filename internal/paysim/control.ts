// The control API under /_sim/: tests, the chaos suite and people use it to set faults and to read the ledger. It has no authentication,
// so the simulator must never be reachable from outside.
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { LaterChange } from "./aftermath.ts";
import { FaultSettings, sumOfRates } from "./faults.ts";
import type { Simulator } from "./simulator.ts";

/** What the API controls, of either face of the simulator. */
export interface Controlled {
  faults: FaultSettings;
  readonly file: { readonly path: string; readonly bytes: number; flushed(): Promise<void> };
  expireKeys(keys: readonly string[] | null): number;
  /** Ends holds before their time. Returns how many. */
  endHolds(all: boolean): number;
  /** Missing in a provider whose refunds and disputes do not change later. */
  change?(change: LaterChange): boolean;
}

const ExpireKeys = Type.Object(
  { keys: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })) },
  { additionalProperties: false },
);
const faultSettings = TypeCompiler.Compile(FaultSettings);
const laterChange = TypeCompiler.Compile(LaterChange);
const expireKeys = TypeCompiler.Compile(ExpireKeys);

/** Answers any request below /_sim/, which `path` names. README.md lists the endpoints. */
export async function handleControl(
  request: Request,
  path: string,
  simulator: Controlled,
  stats: () => Record<string, number>,
): Promise<Response> {
  switch (`${request.method} ${path}`) {
    case "GET /_sim/faults":
      return Response.json(simulator.faults);
    case "PUT /_sim/faults":
      return putFaults(await request.text(), simulator);
    case "POST /_sim/expire-keys": {
      const body = parseBody(expireKeys, {}, await request.text());
      if ("problem" in body) return refused(body.problem);
      const expired = simulator.expireKeys(body.value.keys ?? null);
      await simulator.file.flushed();
      return Response.json({ expired });
    }
    case "POST /_sim/later": {
      const body = parseBody(laterChange, {}, await request.text());
      if ("problem" in body) return refused(body.problem);
      if (simulator.change?.(body.value) !== true)
        return refused("there is no such object, or this cannot happen to it");
      await simulator.file.flushed();
      return Response.json({ changed: true });
    }
    case "POST /_sim/end-holds": {
      const ended = simulator.endHolds(true);
      await simulator.file.flushed();
      return Response.json({ ended });
    }
    case "GET /_sim/ledger":
      await simulator.file.flushed();
      return new Response(Bun.file(simulator.file.path).slice(0, simulator.file.bytes), {
        headers: { "content-type": "application/x-ndjson" },
      });
    case "GET /_sim/stats":
      return Response.json(stats());
    default:
      return Response.json(
        { error: "no such control endpoint; see internal/paysim/README.md" },
        { status: 404 },
      );
  }
}

export function statsOf({ ledger, counters, webhooks }: Simulator): Record<string, number> {
  return {
    ...ledger.totals,
    ...counters,
    ...webhooks?.counters,
    payment_intents: ledger.intents.size,
    keys: ledger.keys.size,
    ledger_entries: ledger.lastSeq,
  };
}

/** Replaces all settings: a setting that is left out goes back to no fault, but the latency stays. `{}` ends all faults. */
function putFaults(text: string, simulator: Controlled): Response {
  const body = parseBody(faultSettings, { latency: simulator.faults.latency }, text);
  if ("problem" in body) return refused(body.problem);
  if (sumOfRates(body.value) > 1) return refused("the rates add up to more than 1");
  simulator.faults = body.value;
  return Response.json(simulator.faults);
}

function parseBody<T extends TSchema>(
  check: TypeCheck<T>,
  defaults: Readonly<Record<string, unknown>>,
  text: string,
): { readonly value: Static<T> } | { readonly problem: string } {
  let given: unknown;
  try {
    given = text === "" ? {} : JSON.parse(text);
  } catch {
    return { problem: "the body is not JSON" };
  }
  const value =
    typeof given === "object" && given !== null
      ? Value.Default(check.Schema(), { ...defaults, ...given })
      : given;
  if (check.Check(value)) return { value };
  const problems = [...check.Errors(value)].map(({ path, message }) => `${path || "/"}: ${message}`);
  return { problem: problems.join("; ") };
}

function refused(problem: string): Response {
  return Response.json({ error: problem }, { status: 422 });
}
