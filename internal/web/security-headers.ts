// The security headers of every page. Scripts and styles count only with the nonce of their response, nothing is loaded from elsewhere
// unless the page names it, and nobody may frame a page. Pure. Used by the storefront and the console.

export interface PageSecurity {
  readonly nonce: string;
  readonly isHttps: boolean;
  /** `no-referrer` for a page whose address is a secret. */
  readonly referrer: "same-origin" | "no-referrer";
  /** Sources besides the site's own, by directive. */
  readonly more?: Readonly<Partial<Record<"script" | "image" | "frame" | "connect", readonly string[]>>>;
  /** Which features a page may use, besides none: `payment=(self)`. */
  readonly features?: readonly string[];
}

/** The path where browsers report what the policy blocked. */
export const CSP_REPORTS = "/csp-reports";

const FEATURES = ["accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb"];

export function securityHeaders(page: PageSecurity): Readonly<Record<string, string>> {
  const allowed = page.features ?? [];
  const policy = FEATURES.map(
    (feature) => allowed.find((text) => text.startsWith(`${feature}=`)) ?? `${feature}=()`,
  );
  return {
    "content-security-policy": contentSecurityPolicy(page),
    "reporting-endpoints": `csp="${CSP_REPORTS}"`,
    "permissions-policy": policy.join(", "),
    "referrer-policy": page.referrer,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    ...(page.isHttps ? { "strict-transport-security": "max-age=31536000; includeSubDomains" } : {}),
  };
}

function contentSecurityPolicy({ nonce, more = {} }: PageSecurity): string {
  const { script = [], image = [], frame = [], connect = [] } = more;
  return [
    "default-src 'none'",
    [`script-src 'nonce-${nonce}'`, ...script].join(" "),
    `style-src 'nonce-${nonce}'`,
    ["img-src 'self' data:", ...image].join(" "),
    "font-src 'self'",
    ["connect-src 'self'", ...connect].join(" "),
    ...(frame.length > 0 ? [["frame-src", ...frame].join(" ")] : []),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `report-uri ${CSP_REPORTS}`,
    "report-to csp",
  ].join("; ");
}
