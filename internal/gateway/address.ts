// Checks that an address has the parts that its country uses. The parts come from Google's table (localized-address-format), so no
// postal code is required in a country without them. Of their content only the postal code is checked (postal-code.ts): people know
// where they live. Called by checkout-request.ts, also for an address with other faults.
import { formatAddress } from "localized-address-format";
import type { CheckoutRequest } from "../../schemas/http.ts";
import { isPostalCodeOf } from "./postal-code.ts";

type Address = Partial<CheckoutRequest["shipping_address"]>;

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** The parts that an address of one country has besides street and name. */
interface Parts {
  readonly place: boolean;
  readonly region: boolean;
  readonly postalCode: boolean;
}

/** Bounded: at most one entry per two-letter code. */
const known = new Map<string, Parts>();

export function addressFaults(address: Address): readonly Fault[] {
  const { city, district, region, postal_code } = address;
  const country = /^[A-Z]{2}$/.test(address.country ?? "") ? (address.country ?? "") : "";
  const parts = partsOf(country);
  const faults: Fault[] = [];
  if (parts.place && [city, district, region].every(isBlank)) {
    faults.push({
      path: "/shipping_address/city",
      message: `Expected a city, or a region or district${country === "" ? "" : `, in ${country}`}`,
    });
  }
  // With a state or county, parcels arrive without a postal code.
  const isFound = parts.region && !isBlank(region);
  if (parts.postalCode && isBlank(postal_code) && !isFound) {
    const instead = parts.region ? " or a region" : "";
    faults.push({
      path: "/shipping_address/postal_code",
      message: `Expected a postal code${instead} in ${country}`,
    });
  }
  if (!isBlank(postal_code) && !isPostalCodeOf(country, postal_code ?? ""))
    faults.push({
      path: "/shipping_address/postal_code",
      message: `Expected a postal code in the format of ${country}`,
    });
  return faults;
}

/** Formats a complete address and looks which parts remain. The default format, for unknown countries, has a city. */
function partsOf(country: string): Parts {
  const found = known.get(country);
  if (found !== undefined) return found;
  const text = formatAddress({
    postalCountry: country,
    addressLines: ["(street)"],
    locality: "(city)",
    dependentLocality: "(district)",
    administrativeArea: "(region)",
    postalCode: "(code)",
  }).join("\n");
  const parts = {
    place: ["(city)", "(district)", "(region)"].some((part) => text.includes(part)),
    region: text.includes("(region)"),
    postalCode: text.includes("(code)"),
  };
  known.set(country, parts);
  return parts;
}

function isBlank(text = ""): boolean {
  return text.trim() === "";
}
