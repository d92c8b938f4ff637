// Lists and durations in the language of the page.

import { locale, say } from "./words.js";

const MOST_NAMES = 4;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

// Of many names, the first three and the number of the others.
export function enumeration(names) {
  const list = new Intl.ListFormat(locale());
  if (names.length <= MOST_NAMES) return list.format(names);
  const shown = names.slice(0, MOST_NAMES - 1);
  return list.format([...shown, say("event.others", { count: names.length - shown.length })]);
}

// In the largest unit that needs no fraction.
export function duration(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0) ?? ["second", 1];
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}
