// Loads the list, and the history of a chat: the newest messages when it is opened, older ones on scrolling.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { mergeNewest, mergeOlder } from "./messages.js";
import { changed, chatOf, conversation, replaceConversations, state } from "./store.js";
import { report } from "./toast.js";

const HISTORY_PAGE = 20;
const LIST_FOLLOWS_MS = 1_000;
const LARGEST_PAGE = 100;
const MOST_PAGES = 5; // loaded when a chat with unread messages is opened
const MOST_PAGES_BACK = 20;

export const refreshList = coalesced(() => loadList().catch(report));

// A frame may be here before the list has its message, which takes up to a second.
export function refreshListTwice() {
  setTimeout(refreshList, LIST_FOLLOWS_MS);
  return refreshList();
}

async function loadList() {
  const all = [];
  let answer;
  for (let page = 1; page <= state.pages; page += 1) {
    answer = await api.conversations(page);
    all.push(...answer.conversations);
  }
  replaceConversations(all, answer);
  changed();
}

export function showMoreConversations() {
  state.pages += 1;
  return refreshList();
}

export function open(id) {
  const { read_seq: after, unread_count: count } = conversation(id) ?? {};
  state.openId = id;
  Object.assign(chatOf(id), { opened: true, unread: count ? { after, count } : null });
  changed();
  return loadOpened();
}

export function close() {
  state.openId = null;
  changed();
}

// Loads all opened chats that are not loaded, also those whose first attempt failed.
export const loadOpened = coalesced(async () => {
  const waiting = [...state.chats].filter(([, chat]) => chat.opened && !chat.loaded);
  await Promise.all(waiting.map(([id, chat]) => loadNewest(id, chat).catch(report)));
});

// Loads back to the first unread message, and some before it.
async function loadNewest(id, chat) {
  const { after, count } = chat.unread ?? { after: Infinity, count: 0 };
  mergeNewest(chat, await api.history({ conversation_id: id, limit: Math.min(LARGEST_PAGE, HISTORY_PAGE + count) }));
  for (let pages = 1; pages < MOST_PAGES && chat.hasMore && chat.floor > after + 1; pages += 1) {
    mergeOlder(chat, await api.history({ conversation_id: id, before_seq: chat.floor, limit: LARGEST_PAGE }));
  }
  chat.loaded = true;
  changed();
}

// Loads back to a message that is quoted. Returns whether it is loaded now: one too far back is not.
export async function loadBackTo(id, seq) {
  const chat = chatOf(id);
  for (let pages = 0; pages < MOST_PAGES_BACK && chat.hasMore && chat.floor > seq; pages += 1) {
    mergeOlder(chat, await api.history({ conversation_id: id, before_seq: chat.floor, limit: LARGEST_PAGE }));
  }
  changed();
  return chat.floor <= seq;
}

let loadingOlder = false;

export async function loadOlder(id) {
  const chat = chatOf(id);
  if (loadingOlder || !chat.hasMore) return;
  loadingOlder = true;
  try {
    mergeOlder(chat, await api.history({ conversation_id: id, before_seq: chat.floor, limit: HISTORY_PAGE }));
  } catch (error) {
    report(error);
  } finally {
    loadingOlder = false;
    changed();
  }
}
