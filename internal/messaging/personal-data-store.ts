// How personal data in a row is erased. Used by the stores of whoever keeps some.
import type { Fragment, Sql, TransactionSql } from "postgres";
import { ERASED } from "../../schemas/fields.ts";

/** What is left of the address in the column `from`: the country. */
export function erasedAddress(sql: Sql | TransactionSql, from: Fragment): Fragment {
  return sql`jsonb_build_object('name', ${ERASED.line}::text, 'line1', ${ERASED.line}::text, 'city', '', 'postal_code', '',
    'country', ${from} -> 'country')`;
}
