// Takes the notifications of Alertmanager and forwards none, run as a separate bun process: `stack logs alerts` shows one line per alert.
// `GET /alerts` lists them, newest last; `POST /RECEIVER` takes a notification, as Alertmanager's webhooks send it; `GET /healthz` answers
// 200.
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const MAX_ALERTS = 10_000;

const Texts = Type.Record(Type.String(), Type.String());
/** What is used of https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. */
const Notification = Type.Object({
  alerts: Type.Array(
    Type.Object({
      status: Type.Union([Type.Literal("firing"), Type.Literal("resolved")]),
      labels: Texts,
      annotations: Texts,
      startsAt: Type.String(),
      endsAt: Type.String(),
    }),
  ),
});

/** One alert of one notification. */
export type CaughtAlert = Static<typeof Notification>["alerts"][number] & {
  /** Who would have been notified: `pages`, `tickets` or `watchdog`. */
  readonly receiver: string;
  /** Milliseconds since the epoch. */
  readonly received_at: number;
};

if (import.meta.main) {
  const port = Number(Bun.argv[2]);
  if (!port) {
    console.error("usage: alert-catcher.ts PORT");
    process.exit(2);
  }
  const server = catchAlerts(port);
  process.on("SIGTERM", () => void server.stop(true).then(() => process.exit(0)));
}

function catchAlerts(port: number) {
  const caught: CaughtAlert[] = [];
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    routes: {
      "/healthz": () => new Response("ok\n"),
      "/alerts": () => Response.json(caught),
      "/:receiver": {
        POST: async (request) => {
          const body: unknown = await request.json();
          if (!Value.Check(Notification, body)) return new Response("no notification\n", { status: 400 });
          const { receiver } = request.params;
          for (const alert of body.alerts) {
            caught.push({ ...alert, receiver, received_at: Date.now() });
            console.log(lineOf(alert, receiver));
          }
          caught.splice(0, caught.length - MAX_ALERTS);
          return new Response(null, { status: 204 });
        },
      },
    },
  });
}

function lineOf({ status, labels, annotations }: Static<typeof Notification>["alerts"][number], to: string) {
  const { alertname = "?", severity: _severity, team: _team, ...rest } = labels;
  const which = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
  const time = new Date().toISOString();
  return [time, to, status, alertname, ...which, `"${annotations["description"] ?? ""}"`].join(" ");
}
