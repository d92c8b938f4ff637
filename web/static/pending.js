// Messages written but not stored yet, in the order of writing. They outlive a reload of this tab, and the server's end
// of the session, but not a log out. One with a file that is not uploaded yet is lost with the page.

import { state } from "./store.js";

const KEY = "im-pending";
const MOST = 100;
const MOST_CHARACTERS = 100_000;

let kept = [];

export function restore() {
  const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  kept = found?.user_id === state.me.id ? found.drafts : [];
  return kept;
}

export function hasRoom(content) {
  const characters = kept.reduce((sum, draft) => sum + draft.content.length, content.length);
  return kept.length < MOST && characters <= MOST_CHARACTERS;
}

export function keep(draft) {
  if (!kept.includes(draft)) kept.push(draft);
  save();
}

export function drop(draft) {
  kept = kept.filter((one) => one !== draft);
  save();
}

export const holdsFile = () => kept.some(({ file }) => file);

export const forget = () => sessionStorage.removeItem(KEY);

function save() {
  sessionStorage.setItem(KEY, JSON.stringify({ user_id: state.me.id, drafts: kept.filter(({ file }) => !file) }));
}
