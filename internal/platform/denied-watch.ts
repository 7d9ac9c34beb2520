// Reports that a server has refused a role something: in its readiness and in a metric. One for each kind of server:
// kafka/watch-access.ts and watch-refusals.ts. What a database would refuse, if it were asked, is for watch-rights.ts.
import type { RoleContext } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

/** What is refused now, or null. */
export type Denied = () => string | null;

/** The parts of a role that it uses. */
interface Watching {
  readonly ops: Pick<RoleContext<unknown>["ops"], "addCheck">;
  readonly metrics: Pick<Metrics, "gauge">;
}

export interface DeniedWatchOptions {
  /** The name, the help and the label of the gauge, which a process has once for all that it watches. */
  readonly metric: string;
  readonly help: string;
  readonly label: string;
  /** The name of the check for one of them. */
  readonly checkOf: (watched: string) => string;
}

export interface DeniedWatch {
  /** Registers the gauge, once per process. Exported by the kinds for internal/tools/references.ts, which lists all metrics. */
  readonly register: (metrics: Pick<Metrics, "gauge">, watched: ReadonlyMap<string, Denied>) => void;
  /** With `isRequired` false the role counts as ready: it works without what is refused. */
  readonly watch: (
    context: Watching,
    name: string,
    denied: Denied,
    options?: { readonly isRequired?: boolean },
  ) => void;
}

export function deniedWatch({ metric, help, label, checkOf }: DeniedWatchOptions): DeniedWatch {
  /** By the metrics of a process. */
  const watchedBy = new WeakMap<object, Map<string, Denied>>();
  const register: DeniedWatch["register"] = (metrics, watched) =>
    metrics.gauge(metric, help, [label], () =>
      [...watched].map(([name, denied]) => [{ [label]: name }, denied() === null ? 0 : 1] as const),
    );
  return {
    register,
    watch({ ops, metrics }, name, denied, { isRequired = true } = {}) {
      const watched = watchedBy.get(metrics) ?? new Map<string, Denied>();
      if (!watchedBy.has(metrics)) {
        watchedBy.set(metrics, watched);
        register(metrics, watched);
      }
      watched.set(name, denied);
      const check = async () => {
        const reason = denied();
        if (reason !== null) throw new Error(reason);
      };
      ops.addCheck(checkOf(name), check, { required: isRequired });
    },
  };
}
