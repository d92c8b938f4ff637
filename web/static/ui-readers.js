// Who has read a message of a group.

import * as api from "./api.js";
import { el, setText } from "./dom.js";
import { nameOf } from "./store.js";
import { report } from "./toast.js";
import { drawAvatar, plainAvatar } from "./ui-parts.js";
import { say } from "./words.js";

const MOST = 100;

const byId = (id) => document.getElementById(id);

export async function showReaders({ id, conversation_id }) {
  const answer = await api.receipts(id, MOST).catch(report);
  if (!answer) return;
  const { readers, total, read_count, member_count } = answer;
  setText(byId("readers-title"), say("message.readBy", { read: read_count, members: member_count }));
  byId("readers-list").replaceChildren(...readers.map(({ user_id }) => row(user_id, nameOf(user_id, conversation_id))));
  byId("more-readers").hidden = total <= readers.length;
  setText(byId("more-readers"), say("event.others", { count: total - readers.length }));
  byId("readers").showModal();
}

function row(userId, name) {
  const face = plainAvatar();
  drawAvatar(face, name, userId);
  return el("li", { class: "person", data: { testid: "reader" } }, face, el("span", { class: "name", text: name }));
}
