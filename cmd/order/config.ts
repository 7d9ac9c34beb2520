// The settings of the order service.
import { Type } from "@sinclair/typebox";
import { accessConfig, httpConfig, personalDataDays, serviceConfig } from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...serviceConfig,
  ...httpConfig("the orders", "keep it private"),
  ...accessConfig,
  ORDER_BLOCKED_COUNTRIES: Type.String({
    default: "",
    pattern: "^([A-Z]{2}(,[A-Z]{2})*)?$",
    description: "countries without shipping: two-letter codes separated by commas",
  }),
  PERSONAL_DATA_DAYS: personalDataDays(
    "days after which an order's address and card digits are erased; 0 keeps them",
    0,
  ),
});
