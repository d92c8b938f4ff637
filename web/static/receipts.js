// How many have read the newest own message of an open group. Every frame that tells of a reader asks anew.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { RECALLED, stored } from "./messages.js";
import { changed, isGroup, isMine, state } from "./store.js";

let askedFor;

export const refreshReadBy = coalesced(async () => {
  const message = newestOwn();
  if (!message) return;
  // In a large group only its admins may ask, and who may not sees no count.
  const answer = await api.receipts(message.id, 1).catch(() => null);
  state.readBy = answer && { id: message.id, read: answer.read_count, members: answer.member_count };
  changed();
});

// Asks again when members have come or gone, as they are what is counted.
export function watchReadBy() {
  const id = newestOwn()?.id;
  const about = id && `${id} ${state.groups.get(state.openId)?.total}`;
  if (about === askedFor) return;
  askedFor = about;
  refreshReadBy();
}

function newestOwn() {
  const chat = isGroup(state.openId) ? state.chats.get(state.openId) : null;
  if (!chat?.loaded) return null;
  return stored(chat).findLast((message) => isMine(message) && isCounted(message)) ?? null;
}

export const isCounted = ({ id, message_type, status }) => id !== null && message_type !== 0 && status < RECALLED;
