// The keys of a table that is replaced live, in a real browser (Chromium): the console's script and a stream of this test, without a system.
import { expect, test } from "bun:test";
import { h } from "preact";
import { render } from "preact-render-to-string";
import { openBrowser, TIMEOUT_MS } from "../../testkit/shop-browser.ts";
import { assets } from "../assets.ts";
import { DataTable } from "../parts/table.tsx";

/** Each as its page would send it: a row leads to its own page and has a link. */
function tableOf(ids: readonly string[]): string {
  const props = {
    label: "Things",
    columns: [{ name: "id", head: "Id", value: (id: string) => id, show: linkTo }],
    rows: ids,
    keyOf: (id: string) => id,
    hrefOf: (id: string) => `/things/${id}`,
  };
  return render(h(DataTable<string>, props));
}

function linkTo(id: string) {
  return h("a", { href: `/things/${id}` }, id);
}

/** A page with one live part. `send` replaces it. */
function livePage(first: string) {
  const streams = new Set<ReadableStreamDefaultController<string>>();
  const page = `<!doctype html><title>t</title><p id="said"></p>
    <main id="content" data-live="/events"><div id="part">${first}</div><p data-live-state></p></main>
    <script type="module" src="${assets.script.path}"></script>`;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === assets.script.path)
        return new Response(assets.script.text, { headers: { "content-type": "text/javascript" } });
      if (pathname !== "/events") return new Response(page, { headers: { "content-type": "text/html" } });
      const stream = new ReadableStream<string>({
        start(controller) {
          streams.add(controller);
          // The headers leave with the first bytes.
          controller.enqueue("retry: 2000\n\n");
        },
      });
      return new Response(stream, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const send = (html: string) => {
    for (const stream of streams) stream.enqueue(`event: parts\ndata: ${JSON.stringify({ part: html })}\n\n`);
  };
  return { server, send };
}

test(
  "rows stay marked and the focus stays on its row when a live table is replaced, also below a new row",
  async () => {
    const { server, send } = livePage(tableOf(["a", "b", "c"]));
    await using browser = await openBrowser();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.waitForFunction("document.querySelector('[data-live-state]').textContent === 'Live.'");
    for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
    send(tableOf(["new", "a", "b", "c"]));
    await page.waitForSelector("text=new");
    const marked = (mark: string) =>
      page.$$eval(`tr.${mark}`, (rows) => rows.map((row) => row.getAttribute("data-href")));
    expect(await marked("is-selected")).toEqual(["/things/a", "/things/b"]);
    expect(await marked("is-current")).toEqual(["/things/b"]);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("b");
    // It goes on from there.
    await page.keyboard.press("j");
    expect(await marked("is-current")).toEqual(["/things/c"]);
    await server.stop(true);
  },
  TIMEOUT_MS,
);
