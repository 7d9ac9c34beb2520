// An address as it stands on a parcel of its country. The format comes from Google's table (localized-address-format). Pure. Used by
// every page that shows an address.
import { formatAddress } from "localized-address-format";
import { countryName } from "./countries.ts";
import type { Language } from "./format.ts";
import type { PlacedOrder } from "./port.ts";

type Address = PlacedOrder["shipping_address"];

/** In Latin letters, a Japanese address begins with the person, not with the postal code. */
const LATIN = /^[\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]*$/u;

/** The lines from the name to the country. Nothing of the address is left out. */
export function addressLines(address: Address, language: Language): readonly string[] {
  const { name = "", company = "", line1, line2, line3, country } = address;
  const { city = "", district = "", region = "", postal_code = "", sorting_code = "" } = address;
  const streets = [line1, line2, line3].filter((line) => line !== undefined);
  const places = [
    { locality: city },
    { dependentLocality: district },
    { administrativeArea: region },
    { postalCode: postal_code },
    { sortingCode: sorting_code },
  ];
  const land = country === undefined ? {} : { postalCountry: country };
  const script = LATIN.test([name, company, ...streets, city].join(" ")) ? "latin" : "local";
  const whole = Object.assign({ name, organization: company, addressLines: streets, ...land }, ...places);
  // Some countries have no place for a part: a German label has no state.
  const isLeftOut = (place: object) => formatAddress({ ...land, ...place }, script).length === 0;
  const others = places.filter(isLeftOut).flatMap((place) => Object.values(place));
  const last = country === undefined ? "" : countryName(country, language);
  return [...formatAddress(whole, script), ...others, last].filter((line) => line.trim() !== "");
}
