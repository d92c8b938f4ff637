// Formats dates and messages in the language of the page.

import { eventText } from "./events.js";
import { FILE } from "./media.js";
import { DELETED, RECALLED } from "./messages.js";
import { locale, say } from "./words.js";

const DAY_MS = 86_400_000;

const STYLES = {
  clock: { hour: "2-digit", minute: "2-digit" },
  day: { weekday: "long", day: "numeric", month: "long" },
  short: { day: "numeric", month: "short" },
  old: { day: "numeric", month: "short", year: "numeric" },
  exact: { dateStyle: "medium", timeStyle: "medium" },
};
const KINDS = { 2: "message.image", 3: "message.voice", 4: "message.video", 5: "message.file" };
const WITHDRAWN = { [RECALLED]: "message.recalled", [DELETED]: "message.deleted" };
const UNITS = ["byte", "kilobyte", "megabyte"];
const HUES = 6;

const dateOf = (seconds) => new Date(seconds * 1000);
const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
const daysAgo = (date) => Math.round((midnight(new Date()) - midnight(date)) / DAY_MS);

const formats = new Map();

// Making a format is slow, so one is kept for each language and style.
function formatted(date, style) {
  const key = `${locale()} ${style}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), STYLES[style]));
  return formats.get(key).format(date);
}

const thisYear = (date) => date.getFullYear() === new Date().getFullYear();

export const clock = (seconds) => formatted(dateOf(seconds), "clock");
export const exact = (seconds) => formatted(dateOf(seconds), "exact");
export const dayKey = (seconds) => midnight(dateOf(seconds));

export function day(seconds) {
  const date = dateOf(seconds);
  const ago = daysAgo(date);
  if (ago === 0) return say("day.today");
  if (ago === 1) return say("day.yesterday");
  return formatted(date, thisYear(date) ? "day" : "old");
}

export function brief(seconds) {
  const date = dateOf(seconds);
  const ago = daysAgo(date);
  if (ago === 0) return clock(seconds);
  if (ago === 1) return say("day.yesterday");
  return formatted(date, thisYear(date) ? "short" : "old");
}

export function lastSeen(seconds) {
  if (!seconds) return "";
  const ago = daysAgo(dateOf(seconds));
  if (ago === 0) return say("people.seenToday", { time: clock(seconds) });
  if (ago === 1) return say("people.seenYesterday");
  return say("people.seenBefore", { date: brief(seconds) });
}

// The server's placeholder for a recalled text is in the server's language, not in this reader's.
export function textOf(message) {
  const { status, message_type, content, extra } = message;
  if (status in WITHDRAWN) return say(WITHDRAWN[status]);
  if (message_type === 0 && extra?.event) return eventText(message);
  const kind = KINDS[message_type];
  return [kind && say(kind), message_type === FILE && extra?.name, content].filter(Boolean).join(" ");
}

// Returns minutes and seconds: "1:05".
export function playtime(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const style = { style: "unit", unit: UNITS[step], maximumFractionDigits: step > 1 ? 1 : 0 };
  return new Intl.NumberFormat(locale(), style).format(bytes / 1000 ** step);
}

export const initials = (name) =>
  name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
export const hue = (id) => String(id % HUES);
export const count = (number) => (number > 99 ? "99+" : String(number));
