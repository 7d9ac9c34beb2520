// How a balancer of a drill passes a request on to a backend. Used by the balancers of upgrade-drill and rotation-drill, which choose the
// backend each in its own way.

/**
 * Passes on the request and its answer, each as a whole, because those of a drill are small. `body` is the request's: a balancer may send it to
 * several backends in turn. Throws if the backend does not answer; one that stops in the middle of its answer is a 502.
 */
export async function forward(
  request: Request,
  backend: string,
  body: ArrayBuffer,
  signal?: AbortSignal,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("host");
  // Bun would unpack the answer and leave its header.
  headers.set("accept-encoding", "identity");
  const answer = await fetch(backend + pathname + search, {
    method: request.method,
    headers,
    body: body.byteLength === 0 ? null : body,
    redirect: "manual",
    // A kept connection may be closed by a stopping process just when the next request is on its way.
    keepalive: false,
    ...(signal === undefined ? {} : { signal }),
  });
  return whole(answer);
}

async function whole(answer: Response): Promise<Response> {
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  headers.delete("transfer-encoding");
  const body = await answer.arrayBuffer().catch(() => null);
  if (body === null) return new Response("the answer was cut off", { status: 502 });
  return new Response(body.byteLength === 0 ? null : body, { status: answer.status, headers });
}
