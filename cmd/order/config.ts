// The settings of the order service.
import { Type } from "@sinclair/typebox";
import {
  commonConfig,
  consumerConfig,
  personalDataDays,
  postgresConfig,
  publishingConfig,
  redisConfig,
} from "../../internal/platform/config.ts";

export const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
  ORDER_BLOCKED_COUNTRIES: Type.String({
    default: "",
    pattern: "^([A-Z]{2}(,[A-Z]{2})*)?$",
    description: "countries that nothing is shipped to: two-letter codes separated by commas",
  }),
  PERSONAL_DATA_DAYS: personalDataDays("days after which an order loses its address; 0 keeps it", 0),
});
