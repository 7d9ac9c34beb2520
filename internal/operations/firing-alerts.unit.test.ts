// What the console reads from Alertmanager.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { firingAlerts } from "./firing-alerts.ts";

const alert = (alertname: string, startsAt: string, severity = "page") => ({
  labels: { alertname, severity },
  annotations: { summary: `${alertname} in words` },
  startsAt,
  fingerprint: "1",
});

let server: Bun.Server<undefined>;
let asked = "";
let body: unknown = [];
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked = request.url;
      return Response.json(body);
    },
  });
});
afterAll(() => server.stop(true));
const read = () => firingAlerts(server.url.href, AbortSignal.timeout(5_000));

test("the longest-firing first, without the watchdog, and only what nobody silenced", async () => {
  body = [
    alert("Late", "2026-11-29T12:02:00.000Z"),
    alert("Watchdog", "2026-11-29T10:00:00.000Z"),
    alert("Early", "2026-11-29T12:01:00.000Z", "ticket"),
  ];
  expect(await read()).toEqual([
    {
      name: "Early",
      severity: "ticket",
      summary: "Early in words",
      since: Date.parse("2026-11-29T12:01:00.000Z"),
    },
    {
      name: "Late",
      severity: "page",
      summary: "Late in words",
      since: Date.parse("2026-11-29T12:02:00.000Z"),
    },
  ]);
  expect(asked).toContain("silenced=false");
});

test("behind a path, with and without a slash at its end", async () => {
  body = [];
  for (const path of ["", "alertmanager", "alertmanager/", "tools/alertmanager"]) {
    await firingAlerts(`${server.url.href}${path}`, AbortSignal.timeout(5_000));
    const prefix = path === "" ? "" : `/${path.replace(/\/$/, "")}`;
    expect(new URL(asked).pathname).toBe(`${prefix}/api/v2/alerts`);
  }
});

test("something else at that address is no answer", async () => {
  body = { status: "success" };
  expect(await read().catch((error: unknown) => error)).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
});
