// Whether a parcel could find this address, as far as its country's format tells: which parts an address of that country has comes
// from Google's table (localized-address-format), so that nobody is asked for a postal code where there is none. How a part is
// written is not looked at; people know where they live. Called by checkout-request.ts.
import { formatAddress } from "localized-address-format";
import type { CheckoutRequest } from "../../schemas/http.ts";

type Address = CheckoutRequest["shipping_address"];

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** What an address of one country names beside street and person. */
interface Parts {
  readonly place: boolean;
  readonly region: boolean;
  readonly postalCode: boolean;
}

/** One entry for each two letters at most. */
const known = new Map<string, Parts>();

export function addressFaults(address: Address): readonly Fault[] {
  const { city, district, region, postal_code, country } = address;
  const parts = partsOf(country);
  const faults: Fault[] = [];
  if (parts.place && [city, district, region].every(isBlank)) {
    faults.push({
      path: "/shipping_address/city",
      message: `Expected a city, or a region or district, in ${country}`,
    });
  }
  // Where a state or a county is named, people do without the code, and parcels arrive.
  const isFound = parts.region && !isBlank(region);
  if (parts.postalCode && isBlank(postal_code) && !isFound) {
    const instead = parts.region ? " or a region" : "";
    faults.push({
      path: "/shipping_address/postal_code",
      message: `Expected a postal code${instead} in ${country}`,
    });
  }
  return faults;
}

/** By what the country's format leaves of an address that has everything. A country without a format of its own has a city. */
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
