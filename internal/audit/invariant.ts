// The shape of an invariant: a name to search for, a sentence to understand it by, and a pure check that names every saga
// which breaks it.
import type { Facts, SagaCase } from "./facts.ts";

export interface Finding {
  /** Null where the violation is not one saga's. */
  readonly saga_id: string | null;
  /** What is there and what should be, in one sentence. */
  readonly detail: string;
}

export interface Invariant {
  readonly name: string;
  readonly sentence: string;
  check(facts: Facts): Iterable<Finding>;
}

/** An invariant of every saga by itself. `check` gives the faults of one saga as sentences. */
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

/** An invariant of the sagas that are finished in one of two ways: all went through, or nothing did. */
export function ofFinishedSagas(
  name: string,
  sentence: string,
  end: "completed" | "undone",
  check: (saga: SagaCase) => Iterable<string>,
): Invariant {
  return ofEachSaga(name, sentence, (one) => {
    const isCompleted = one.saga.status === "COMPLETED";
    return one.isJudged && isCompleted === (end === "completed") ? check(one) : [];
  });
}
