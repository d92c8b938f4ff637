// Mentions: who is named in a text by "@" and their name.

import { isStaff } from "./roles.js";
import { nameOf, state } from "./store.js";
import { say } from "./words.js";

export const ALL = "all";
const MOST = 50;
const MOST_OFFERED = 6;
const SPECIAL = /[\\^$.*+?()[\]{}|/]/g;

// "group_7 Ann" → the id of the Ann who was chosen, as two members may have one name.
const chosen = new Map();

export function choose(id, { user_id, name }) {
  chosen.set(`${id} ${name}`, user_id);
}

// Returns whom the user may mention by a name that begins so: [{ user_id, name }].
export function candidates(id, beginning) {
  const start = beginning.toLowerCase();
  return known(id).filter(({ name }) => name.toLowerCase().startsWith(start)).slice(0, MOST_OFFERED);
}

function known(id) {
  const held = state.groups.get(id);
  if (!held) return [];
  const others = held.members.filter(({ user_id, nickname }) => user_id !== state.me.id && nickname);
  const people = others.map(({ user_id, nickname: name }) => ({ user_id, name }));
  return isStaff(held.role) ? [{ user_id: ALL, name: say("mention.all") }, ...people] : people;
}

// Returns the `mentions` of a text that is about to be sent, undefined without any.
export function mentionsIn(id, text) {
  const named = new Map(known(id).map(({ user_id, name }) => [name, chosen.get(`${id} ${name}`) ?? user_id]));
  const ids = [...new Set(pieces(text, named).flatMap((piece) => piece.id ?? []))];
  if (ids.length === 0) return undefined;
  return ids.includes(ALL) ? [ALL] : ids.slice(0, MOST);
}

// Returns the pieces of a message's text: [{ text, id }], with the id of the user where a piece mentions one.
export function piecesOf({ conversation_id: id, extra }, text) {
  const nameFor = (one) => (one === ALL ? say("mention.all") : nameOf(one, id));
  return pieces(text, new Map((extra?.mentions ?? []).map((one) => [nameFor(one), one])));
}

function pieces(text, named) {
  if (named.size === 0) return [{ text }];
  // Of two names that begin alike, the longer one is meant.
  const names = [...named.keys()].sort((one, other) => other.length - one.length);
  const either = names.map((name) => name.replace(SPECIAL, "\\$&")).join("|");
  const parts = text.split(new RegExp(`@(${either})(?![\\p{L}\\p{N}_])`, "u"));
  return parts.map((part, at) => (at % 2 ? { text: `@${part}`, id: named.get(part) } : { text: part })).filter(({ text }) => text);
}
