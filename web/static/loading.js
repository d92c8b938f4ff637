// Loads the list, and the history of a chat: the newest when it is opened, older messages as it is scrolled.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { mergeNewest, mergeOlder } from "./messages.js";
import { changed, chatOf, replaceConversations, state } from "./store.js";
import { report } from "./toast.js";

const HISTORY_PAGE = 20;

export const refreshList = coalesced(() => loadList().catch(report));

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
  state.openId = id;
  chatOf(id).opened = true;
  changed();
  return loadOpened();
}

export function close() {
  state.openId = null;
  changed();
}

// Also those whose first attempt failed.
export const loadOpened = coalesced(async () => {
  const waiting = [...state.chats].filter(([, chat]) => chat.opened && !chat.loaded);
  await Promise.all(waiting.map(([id, chat]) => loadNewest(id, chat).catch(report)));
});

async function loadNewest(id, chat) {
  mergeNewest(chat, await api.history({ conversation_id: id, limit: HISTORY_PAGE }));
  changed();
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
