// Marks the messages as read that are on the screen while the user looks at it.

import * as api from "./api.js";
import { refreshList } from "./loading.js";
import { DELIVERED, stored } from "./messages.js";
import { changed, conversation, isMine, noteRead, shareOfTotal, state } from "./store.js";
import { report } from "./toast.js";

const PAUSE_MS = 300;

const told = new Map();
let timer = null;

export function watchReading() {
  for (const event of ["focus", "blur"]) addEventListener(event, changed);
  document.addEventListener("visibilitychange", changed);
}

// In a narrow window a group's details cover its chat. group.css has the same width.
const narrow = matchMedia("(max-width: 1099px)");
const isCovered = () => state.detailsShown && narrow.matches;

// Returns the id of the chat whose messages the user sees as they come, null without one.
export const attended = () =>
  state.atEnd && !isCovered() && !document.hidden && document.hasFocus() ? state.openId : null;

// The count of the chat being read is shown as 0, or it would flicker.
export const unreadOf = (one) => (one.conversation_id === attended() ? 0 : one.unread_count);

export function totalUnread() {
  const attendedOne = conversation(attended());
  const beingRead = attendedOne ? shareOfTotal(attendedOne) : 0;
  return Math.max(0, state.totalUnread - beingRead);
}

export function readWhatIsSeen() {
  if (timer === null && due()) timer = setTimeout(tell, PAUSE_MS);
}

async function tell() {
  const message = due();
  try {
    if (message) await read(message);
  } catch (error) {
    report(error);
  }
  timer = null;
}

async function read({ conversation_id, id, seq }) {
  const answer = await api.read({ conversation_id, message_id: id });
  told.set(conversation_id, seq);
  noteRead(conversation_id, answer);
  changed();
  refreshList();
}

// Returns the newest message of the peer when something up to it is unread, else null.
function due() {
  const id = attended();
  const chat = state.chats.get(id);
  if (!chat?.loaded || state.connection !== "online") return null;
  const upTo = Math.max(conversation(id)?.read_seq ?? 0, told.get(id) ?? 0);
  const theirs = stored(chat).filter((message) => !isMine(message) && message.seq > upTo);
  const unread = theirs.some((message) => message.message_type !== 0 && message.status <= DELIVERED);
  return unread || conversation(id)?.unread_count ? (theirs.at(-1) ?? null) : null;
}
