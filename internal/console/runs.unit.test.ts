// The page of a run: what it offers, and what its figures say.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { RunView } from "../operations/plans.ts";
import { consoleOptions, NOW, OPERATOR, signedInAs, sqlThat, VIEWER } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { ITEM, RUN } from "../testkit/console-previews.ts";
import { RunPage } from "./pages/run.tsx";
import type { WaitingMails } from "./parts/run-items.tsx";
import { stateText, selectionText } from "./parts/run-words.ts";

const RUNNING: RunView = { ...RUN, state: "running", started_by: "ada", started_at: NOW - 5_000 };
const PART = { outcome: null, after: -1, next: null } as const;

async function pageOf(run: RunView, actor = OPERATOR): Promise<string> {
  const frame = await signedInAs(actor, consoleOptions());
  return render(
    RunPage({
      frame,
      run,
      items: [],
      part: PART,
      only: undefined,
      waiting: new Set<string>(),
      groups: [],
      now: NOW,
    }),
  );
}

/** A saga database that knows one run, and every text that it was given. */
async function signedIn(token: string, run: RunView = RUNNING) {
  const told: string[] = [];
  const query = async (...given: readonly unknown[]) => {
    for (const value of given) if (typeof value === "string") told.push(value);
    return Object.assign([run], { count: 1 });
  };
  const saga = Object.assign(query, { begin: (work: (tx: typeof query) => unknown) => work(query) });
  const person = new ConsoleBrowser(consoleOptions({}, sqlThat(saga)));
  await person.post("/sign-in", { token });
  return { person, told };
}

describe("a pause", () => {
  const path = `/runs/${RUN.plan_id}`;

  test("is one press, without a dialog and without a script", async () => {
    const html = await pageOf(RUNNING);
    expect(html).toMatch(
      new RegExp(
        `<form method="post" action="${path}/pause" data-act><button id="pause" [^>]*>Pause</button>`,
      ),
    );
    expect(html).toContain("Pause holds it at once");
    expect(await pageOf({ ...RUNNING, state: "paused" })).not.toContain('id="pause"');
  });

  test("needs no reason, and is in the audit trail", async () => {
    const { person, told } = await signedIn("token-of-ada");
    expect((await person.post(`${path}/pause`)).status).toBe(303);
    const line = told.find((text) => text.includes('"action":"run.pause"'));
    expect(JSON.parse(line ?? "[]")).toMatchObject([
      { actor: "ada", reason: "none given", outcome: "paused" },
    ]);
  });

  test("with a reason keeps it; a stop or another rate still needs one", async () => {
    const { person, told } = await signedIn("token-of-ada");
    expect((await person.post(`${path}/pause`, { reason: "ticket 1" })).status).toBe(303);
    expect(told.find((text) => text.includes('"action":"run.pause"'))).toContain('"reason":"ticket 1"');
    for (const act of ["stop", "resume", "rate"])
      expect([act, (await person.post(`${path}/${act}`, { rate: "5" })).status]).toEqual([act, 422]);
  });

  test("is refused to a viewer, who sees why", async () => {
    const { person, told } = await signedIn("token-of-vic");
    expect((await person.post(`${path}/pause`)).status).toBe(403);
    expect(told.some((text) => text.includes('"outcome":"paused"'))).toBe(false);
    const html = await pageOf(RUNNING, VIEWER);
    expect(html).not.toContain("/pause");
    expect(html).toContain('aria-describedby="pause-why"');
  });
});

/** A fact of the page, as text. */
function factOf(html: string, name: string): string | undefined {
  const [, value] = new RegExp(`<dt>${name}</dt><dd>(.*?)</dd>`).exec(html) ?? [];
  return value?.replaceAll(/<[^>]*>/g, "");
}

test("a plan says at which rate it would run and for how long, and the rate can be changed before the start", async () => {
  const html = await pageOf(RUN);
  expect(html.replaceAll(/<[^>]*>/g, "")).toContain(
    "draft, 30 messages at 20 a second, which takes about 4.0 s; expires",
  );
  expect(html).toContain(`action="/runs/${RUN.plan_id}/rate"`);
  expect(await pageOf({ ...RUN, state: "expired" })).not.toContain('/rate"');
});

test("a plan that touches no money says so", async () => {
  expect(factOf(await pageOf(RUN), "Money touched")).toBe("2310.00 EUR of 30 checkouts");
  const mails = { ...RUN, totals: { ...RUN.totals, money: [] } };
  expect(factOf(await pageOf(mails), "Money touched")).toBe("no money");
});

test("the numbers of a run add up while messages are in flight", () => {
  const counts = { ...RUN.counts, sent: 68, in_flight: 20, not_reached: 212 };
  expect(stateText({ ...RUNNING, counts })).toBe(
    "68 sent, 0 failed, 0 refused, 0 skipped, 212 left, 20 in flight",
  );
  expect(stateText({ ...RUNNING, counts: { ...counts, in_flight: 0 } })).not.toContain("in flight");
});

test("the time of a plan is what it takes, that of a run what is left", async () => {
  expect(factOf(await pageOf(RUN), "Takes about")).toBe("4.0 s");
  const running = await pageOf(RUNNING);
  expect(factOf(running, "Time left")).toBe("about 4.0 s");
  expect([factOf(running, "Takes about"), factOf(running, "Ended")]).toEqual([undefined, undefined]);
  const paused = await pageOf({ ...RUNNING, state: "paused" });
  expect(factOf(paused, "Time left")).toBe("about 4.0 s once it is resumed");
});

test.each(["done", "stopped"] as const)(
  "a run that is %s says when it ended, and has no button",
  async (state) => {
    const html = await pageOf({ ...RUNNING, state, ended_at: NOW });
    expect(factOf(html, "Ended")).toBe("2026-11-29 12:04:05");
    expect(factOf(html, "Time left")).toBeUndefined();
    expect(html).toContain('<div id="r-actions"><div class="buttons"></div></div>');
  },
);

test("a selection is told in words", () => {
  const of = (selection: RunView["selection"]) => selectionText({ kind: "dead-letter.replay", selection });
  expect(of({ everything: true })).toBe("every open dead letter");
  expect(of({ ids: ["a"] })).toBe("one dead letter, by its id");
  expect(of({ ids: ["a", "b"] })).toBe("2 dead letters, by their ids");
  expect(of({ service: "payment", type: "ChargePayment", error: "no card", since: NOW })).toBe(
    "open dead letters of the service payment, of the message ChargePayment, with “no card” in the error, failed since 2026-11-29 12:04:05 UTC",
  );
  const outbox = { since: NOW - 60_000, until: null, published_before: NOW };
  expect(selectionText({ kind: "outbox.republish", selection: outbox })).toBe(
    "what was published since 2026-11-29 12:03:05 UTC, until 2026-11-29 12:04:05 UTC",
  );
});

test("under a filter the decisions say how many there are of it, on all pages", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const counts = { ...RUN.counts, sent: 138, not_reached: 162 };
  const totals = { ...RUN.totals, acts: 300, skipped: 0, refused: 0 };
  const run: RunView = { ...RUNNING, state: "paused", counts, totals };
  const textOf = (outcome: "sent" | "not reached" | null) => {
    const part = { outcome, after: -1, next: 49 };
    const html = render(
      RunPage({
        frame,
        run,
        items: [ITEM],
        part,
        only: undefined,
        waiting: new Set<string>(),
        groups: [],
        now: NOW,
      }),
    );
    return html.replaceAll(/<[^>]*>/g, "").replaceAll(/\s+/g, " ");
  };
  expect(textOf("sent")).toContain("1 decision on this page, 138 sent, 300 in the plan");
  expect(textOf("not reached")).toContain("1 decision on this page, 162 not reached, 300 in the plan");
  expect(textOf(null)).toContain("1 decision on this page, 300 in the plan");
});

test("the command line of another rate names no rate that nobody typed", async () => {
  expect(await pageOf(RUNNING)).toContain(`checkoutctl run rate ${RUN.plan_id} N/s --reason`);
});

test("the command lines of all that asks for a reason have one", async () => {
  const pages = [await pageOf(RUN), await pageOf(RUNNING), await pageOf({ ...RUNNING, state: "paused" })];
  for (const act of ["start", "rate", "stop", "resume"]) {
    const lines = pages.flatMap((html) => html.match(new RegExp(`checkoutctl run ${act} [^<]*`, "g")) ?? []);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toContain("--reason");
  }
});

describe("a pause after so many messages", () => {
  test("is what the form says: a whole number, or nothing", async () => {
    const resumed = async (pause_after: string) => {
      const { person, told } = await signedIn("token-of-ada", { ...RUNNING, state: "paused" });
      const form = { reason: "the first half is right", pause_after };
      const { status } = await person.post(`/runs/${RUN.plan_id}/resume`, form);
      return [status, told.findLast((text) => text.includes('"action":"run.resume"'))];
    };
    expect(await resumed("15")).toEqual([303, expect.stringContaining("; pauses after 15 more")]);
    expect(await resumed("")).toEqual([303, expect.not.stringContaining("pauses after")]);
    for (const wrong of ["0", "1.5", "-3", "half"]) expect((await resumed(wrong))[0]).toBe(422);
  });

  test("is offered by the start and the resume, and their command lines", async () => {
    for (const html of [await pageOf(RUN), await pageOf({ ...RUNNING, state: "paused" })]) {
      expect(html).toMatch(/<label for="pause-after">.*<input id="pause-after" name="pause_after"/);
      expect(html).toContain("--pause-after N");
    }
    expect(await pageOf(RUNNING)).not.toContain('name="pause_after"');
  });

  test("is shown by the run that will pause, and by the one that has", async () => {
    const asked = { ...RUNNING, pause_after: 15 };
    expect(factOf(await pageOf(RUNNING), "Pauses after")).toBeUndefined();
    expect(factOf(await pageOf(asked), "Pauses after")).toBe("15 messages from its start or its last resume");
    const paused = await pageOf({ ...asked, state: "paused" });
    expect(paused.replaceAll(/<[^>]*>/g, "")).toContain("paused after 15 messages, as it was asked to");
    const halted = await pageOf({ ...asked, state: "paused", halted_because: "1 of 8 failed again" });
    expect(halted.replaceAll(/<[^>]*>/g, "")).not.toContain("as it was asked to");
  });
});

test("a mail that its service took says what is known of the mail server's answer", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const mail = { ...ITEM, outcome: "sent", result: "published", detail: null } as const;
  const htmlOf = (item: typeof ITEM, waiting: WaitingMails) =>
    render(
      RunPage({
        frame,
        run: RUNNING,
        items: [item],
        part: PART,
        only: undefined,
        waiting,
        groups: [],
        now: NOW,
      }),
    );
  const id = ITEM.saga_id ?? "";
  const gone = htmlOf(mail, new Set());
  expect(gone).toContain("sent: the mail service took it");
  expect(gone).toContain(`href="/dead-letters?saga=${id}&amp;all=1"`);
  expect(htmlOf(mail, new Set([id]))).toContain("the mail server has not accepted it yet");
  expect(htmlOf(mail, null)).toContain("whether the mail server accepted it is not known now");
  const handled = htmlOf({ ...mail, result: "handled" }, null);
  expect(handled).toContain("sent: its service handled it");
  expect(handled).not.toContain("mail server");
});

test("a plan names what it acts on, in its facts and in the dialog that starts it", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const groups = ["a", "b", "c", "d", "e", "f"].map((type, index) => {
    return { service: "payment", message_type: type, count: 60 - 10 * index };
  });
  const html = render(
    RunPage({ frame, run: RUN, items: [], part: PART, only: undefined, waiting: null, groups, now: NOW }),
  );
  const text =
    "60 × a of payment, 50 × b of payment, 40 × c of payment, 30 × d of payment, 20 × e of payment, 10 others";
  expect(factOf(html, "Acts on")).toBe(text);
  expect(html).toContain(`<p>It acts on ${text}.</p>`);
});
