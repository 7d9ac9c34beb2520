// The shape of an invariant: a name to search for, a sentence that explains it, and a pure check that names every saga that breaks it.
import type { Facts, SagaCase } from "./facts.ts";

export interface Finding {
  /** Null if the violation does not belong to one saga. */
  readonly saga_id: string | null;
  /** What was found and what was expected, in one sentence. */
  readonly detail: string;
}

export interface Invariant {
  readonly name: string;
  readonly sentence: string;
  check(facts: Facts): Iterable<Finding>;
}

/** An invariant that each saga must keep. `check` returns the violations of one saga as sentences. */
export function ofEachSaga(
  name: string,
  sentence: string,
  check: (saga: SagaCase) => Iterable<string>,
): Invariant {
  return {
    name,
    sentence,
    *check({ cases }) {
      for (const one of cases.values()) {
        for (const detail of check(one)) yield { saga_id: one.saga.saga_id, detail };
      }
    },
  };
}

/**
 * An invariant of the sagas that finished in one of two ways: everything went through, or nothing did. A completed saga whose order was
 * cancelled belongs to the second.
 */
export function ofFinishedSagas(
  name: string,
  sentence: string,
  end: "completed" | "undone",
  check: (saga: SagaCase) => Iterable<string>,
): Invariant {
  return ofEachSaga(name, sentence, (one) => {
    const isCompleted = one.saga.status === "COMPLETED" && one.cancellation === null;
    return one.isJudged && isCompleted === (end === "completed") ? check(one) : [];
  });
}
