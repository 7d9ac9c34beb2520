// An hour of figures for the graphs of the console, made up: a wave, with some minutes of which nothing is known. For its preview.
import { History, type Point } from "../console/history.ts";
import { NOW, snapshotOf } from "./console.ts";

const POINTS = 360;
const EVERY_MS = 10_000;

export function anHourOfPoints(): readonly Point[] {
  const history = new History();
  const busy = snapshotOf();
  const { value: sagas } = busy.sagas;
  if (sagas === null) return [];
  for (let n = 0; n < POINTS; n++) {
    const wave = 1 + Math.sin(n / 40);
    const count = Math.round(240 * wave);
    const ended = [{ status: "COMPLETED", failure_code: null, count }];
    const topics = (busy.topics.value ?? []).map((topic) => ({
      ...topic,
      groups: topic.groups.map(({ group, lag }) => ({ group, lag: Math.round(lag * wave) })),
    }));
    const isAway = n > 200 && n < 230;
    const snapshot = {
      ...busy,
      sagas: { ...busy.sagas, value: { ...sagas, started: count, ended } },
      topics: { ...busy.topics, value: topics, unknownSince: isAway ? NOW : null },
    };
    history.addIfDue(snapshot, NOW - (POINTS - n) * EVERY_MS);
  }
  return history.points;
}
