// GET /api/v1/openapi.json and /api/v1/health: what the API is, and whether it works. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import { Health } from "../../../schemas/shop.ts";
import type { Clock } from "../../kernel/ports.ts";
import { answerCacheable, cacheable } from "../cacheable.ts";
import { openApiDocument } from "../openapi.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import { SharedAnswers } from "../shared-answers.ts";
import { CACHE_HEADERS, IF_NONE_MATCH, NO_STORE, NOT_MODIFIED } from "./reading.ts";
import type { Call, Route } from "./route.ts";

/** It changes only with a release. */
const DOCUMENT_MAX_AGE_SECONDS = 300;
/** Everybody may ask for the health, so the orchestrator is asked at most once in this time. */
const HEALTH_FRESH_MS = 1_000;

export interface HealthOptions {
  readonly orchestrator: Pick<OrchestratorClient, "ready">;
  readonly clock: Clock;
}

export function healthRoute({ orchestrator, clock }: HealthOptions): Route {
  const health = new SharedAnswers({
    load: async () => {
      await orchestrator.ready();
      return { status: "ok" as const };
    },
    clock,
    freshMs: HEALTH_FRESH_MS,
    staleMs: HEALTH_FRESH_MS,
    restMs: HEALTH_FRESH_MS,
    maxEntries: 1,
    maxCalls: 1,
  });
  return {
    method: "GET",
    path: "/api/v1/health",
    operationId: "health",
    tag: "meta",
    summary: "Whether checkouts are accepted",
    description: "For monitors outside. 503 if the gateway cannot reach the orchestrator.",
    access: "open",
    answers: {
      200: {
        description: "It works.",
        schema: Health,
        headers: NO_STORE,
      },
    },
    problems: ["service-unavailable"],
    async handle({ set }: Call) {
      const answer = await health.get("");
      set.headers["cache-control"] = "no-store";
      return answer;
    },
  };
}

/** `others`: every other route; the document has them and this one. */
export function documentRoute(others: readonly Route[]): Route {
  const route: Route = {
    method: "GET",
    path: "/api/v1/openapi.json",
    operationId: "openApiDocument",
    tag: "meta",
    summary: "This document",
    access: "open",
    headers: IF_NONE_MATCH,
    answers: {
      200: {
        description: "An OpenAPI 3.1 document.",
        schema: Type.Object({ openapi: Type.String() }),
        headers: CACHE_HEADERS,
      },
      304: NOT_MODIFIED,
    },
    problems: [],
    handle: ({ request }) => answerCacheable(request, document, DOCUMENT_MAX_AGE_SECONDS),
  };
  const document = cacheable(openApiDocument([...others, route]));
  return route;
}
