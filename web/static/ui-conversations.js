// The list of conversations.

import { arrange, hide } from "./actions.js";
import { attribute, el, icon, keyed, setText } from "./dom.js";
import { brief, count, textOf } from "./format.js";
import { open, showMoreConversations } from "./loading.js";
import { RECALLED } from "./messages.js";
import { unreadOf } from "./reading.js";
import { conversation, isGroup, isMine, knownName, state, titleOf } from "./store.js";
import { menuButton } from "./ui-menu.js";
import { show } from "./ui-sidebar.js";
import { avatar, drawFace, typingNote } from "./ui-parts.js";
import { say } from "./words.js";

const list = document.getElementById("conversations");
const empty = document.getElementById("no-conversations");
const more = document.getElementById("more-conversations");

const parts = new WeakMap();

export function mountConversations() {
  more.addEventListener("click", showMoreConversations);
  document.getElementById("to-people").addEventListener("click", () => show("people", true));
}

export function drawConversations() {
  keyed(list, state.conversations, { key: (one) => one.conversation_id, build, update });
  empty.hidden = !state.loaded.conversations || state.conversations.length > 0;
  more.hidden = state.conversations.length >= state.total;
}

function build({ conversation_id }) {
  const part = {
    avatar: avatar(),
    name: el("strong", { class: "name" }),
    pin: icon("pin", "icon sign"),
    mute: icon("mute", "icon sign"),
    time: el("time"),
    preview: el("span", { class: "preview" }),
    mention: el("b", { class: "badge mentioned", text: "@", data: { testid: "mention-badge" } }),
    badge: el("b", { class: "badge", data: { testid: "unread-badge" } }),
  };
  const title = el("span", { class: "line" }, part.name, part.mute, part.pin, part.time);
  const latest = el("span", { class: "line" }, part.preview, part.mention, part.badge);
  const button = el(
    "button",
    { class: "item", on: { click: () => open(conversation_id) } },
    part.avatar,
    el("span", { class: "lines" }, title, latest),
  );
  const more = menuButton("list.options", () => entriesOf(conversation_id), { testid: "conversation-menu" });
  const data = { testid: "conversation", conversationId: conversation_id };
  const node = el("li", { class: "conversation", data }, button, more);
  parts.set(node, { ...part, button });
  return node;
}

function update(node, one) {
  const part = parts.get(node);
  const title = titleOf(one.conversation_id);
  const last = one.last_message;
  const unread = unreadOf(one);
  drawFace(part.avatar, one.conversation_id);
  setText(part.name, title);
  setText(part.time, last ? brief(last.create_time) : "");
  setText(part.preview, preview(one));
  setText(part.badge, count(unread));
  part.preview.classList.toggle("typing", state.typing.has(one.conversation_id));
  part.mention.hidden = unread === 0 || one.unread_mentions === 0;
  part.mention.setAttribute("aria-label", say("list.mentions", { count: count(one.unread_mentions) }));
  part.badge.hidden = unread === 0;
  part.badge.setAttribute("aria-label", say("list.unread", { count: count(unread) }));
  part.button.classList.toggle("unread", unread > 0);
  node.classList.toggle("muted", one.is_mute);
  attribute(part.pin, "hidden", !one.is_top);
  attribute(part.mute, "hidden", !one.is_mute);
  part.button.setAttribute("aria-current", String(one.conversation_id === state.openId));
}

// Who has left a group may hide it, and nothing more.
function entriesOf(id) {
  const { is_top, is_mute } = conversation(id);
  const entries = [
    { text: say(is_top ? "list.unpin" : "list.pin"), testid: "menu-top", run: () => arrange(id, { is_top: !is_top }) },
    { text: say(is_mute ? "list.unmute" : "list.mute"), testid: "menu-mute", run: () => arrange(id, { is_mute: !is_mute }) },
    { text: say("list.hide"), testid: "menu-hide", run: () => hide(id) },
  ];
  return state.groups.get(id)?.role === 0 ? entries.slice(-1) : entries;
}

function preview({ conversation_id: id, last_message }) {
  if (state.typing.has(id)) return typingNote(id);
  if (!last_message) return "";
  const text = textOf(last_message);
  if (last_message.status >= RECALLED || last_message.message_type === 0) return text;
  if (isMine(last_message)) return say("list.mine", { text });
  const author = isGroup(id) && knownName(last_message.from_user_id, id);
  return author ? say("chat.arrived", { name: author, text }) : text;
}
