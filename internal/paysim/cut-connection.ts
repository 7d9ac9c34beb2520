// How the simulator closes a connection without a byte. Called by server.ts and paypal/face.ts.

/** A body that fails before its first byte makes Bun close the connection without an answer. */
export function cutConnection(): Response {
  return new Response(new ReadableStream({ start: (controller) => controller.error() }));
}
