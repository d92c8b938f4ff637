const LANGUAGE = "en-GB";
const DAY_MS = 86_400_000;

const clockFormat = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", day: "numeric", month: "long" });
const shortFormat = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });
const oldFormat = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year: "numeric" });
const KINDS = ["", "", "[Image]", "[Voice]", "[Video]", "[File]"];
const HUES = 6;

const dateOf = (seconds) => new Date(seconds * 1000);
const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
const daysAgo = (date) => Math.round((midnight(new Date()) - midnight(date)) / DAY_MS);

export const clock = (seconds) => clockFormat.format(dateOf(seconds));
export const exact = (seconds) => dateOf(seconds).toLocaleString(LANGUAGE);
export const dayKey = (seconds) => midnight(dateOf(seconds));

export function day(seconds) {
  const date = dateOf(seconds);
  const ago = daysAgo(date);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (date.getFullYear() === new Date().getFullYear() ? dayFormat : oldFormat).format(date);
}

export function brief(seconds) {
  const date = dateOf(seconds);
  if (daysAgo(date) === 0) return clock(seconds);
  if (daysAgo(date) === 1) return "Yesterday";
  return (date.getFullYear() === new Date().getFullYear() ? shortFormat : oldFormat).format(date);
}

export function lastSeen(seconds) {
  if (!seconds) return "";
  const date = dateOf(seconds);
  return `last seen ${daysAgo(date) === 0 ? "at" : "on"} ${brief(seconds)}`.replace("on Yesterday", "yesterday");
}

export function textOf(message) {
  const kind = message.status < 4 ? KINDS[message.message_type] : "";
  return [kind, message.content].filter(Boolean).join(" ");
}

export const initials = (name) =>
  name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
export const hue = (id) => String(id % HUES);
export const count = (number) => (number > 99 ? "99+" : String(number));
