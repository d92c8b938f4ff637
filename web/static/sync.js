// Catches up: sends how far each conversation is known, and applies what the server has above that.

import * as api from "./api.js";
import { coalesced } from "./coalesced.js";
import { loadOpened, refreshList } from "./loading.js";
import { highestChange, merge, settle } from "./messages.js";
import { changed, chatOf, noteConversation, state } from "./store.js";
import { report } from "./toast.js";

const MOST_NAMED = 1_000;
const RETRY_MS = 5_000;

const run = coalesced(catchUp);

// Resolves to whether everything is known now.
export const sync = () => run().then(() => true, failed);

function failed(error) {
  // A lost link brings its own sync when it is back.
  if (error.status === 0) return false;
  report(error);
  setTimeout(sync, RETRY_MS);
  return false;
}

async function catchUp() {
  // Every conversation that is not named comes with its newest messages.
  if (!state.loaded.conversations) await refreshList();
  let asked;
  let answer;
  do {
    asked = known();
    answer = await api.sync(asked);
    for (const moved of answer.conversations) apply(moved, asked);
    changed();
  } while (isCutOff(answer, asked) && isFurther(asked));
  await Promise.all([refreshList(), loadOpened()]);
}

function known() {
  const chats = [...state.chats].sort(([, one], [, other]) => other.opened - one.opened).slice(0, MOST_NAMED);
  return {
    heads: Object.fromEntries(chats.map(([id, { seq }]) => [id, seq])),
    changes: Object.fromEntries(chats.map(([id, { changeSeq }]) => [id, changeSeq])),
  };
}

// A conversation not known before does not count as cut off: its older messages are loaded on scrolling.
function isCutOff({ truncated, conversations }, { heads }) {
  const cut = (moved) => moved.truncated && moved.conversation.conversation_id in heads;
  return truncated || conversations.some((moved) => cut(moved) && chatOf(moved.conversation.conversation_id).opened);
}

// Without progress the loop ends: with more conversations than may be named, the rest would come again and again.
const isFurther = (asked) => JSON.stringify(asked) !== JSON.stringify(known());

function apply({ conversation, messages, truncated }, { heads }) {
  const id = conversation.conversation_id;
  const chat = chatOf(id);
  const head = heads[id];
  noteConversation(conversation);
  if (!chat.opened) return settle(chat, conversation.last_seq, conversation.change_seq);
  for (const message of messages) merge(chat, message);
  if (head === undefined) return undefined;
  if (!truncated) return settle(chat, conversation.last_seq, conversation.change_seq);
  // New messages carry higher numbers than changes of old ones that were cut off.
  const old = messages.filter((message) => message.seq <= head);
  return settle(chat, 0, old.length ? highestChange(old) : conversation.change_seq);
}
