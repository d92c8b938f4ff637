// Friends, requests to answer, people found, people blocked.

import { attribute, el, keyed, setText } from "./dom.js";
import { open } from "./loading.js";
import * as people from "./people.js";
import { conversationWith, isBlocked, isFriend, online, state } from "./store.js";
import { menuButton } from "./ui-menu.js";
import { avatar, button, confirm, drawAvatar, presenceNote } from "./ui-parts.js";
import { show } from "./ui-sidebar.js";
import { say } from "./words.js";

const TYPING_PAUSE_MS = 300;

const byId = (id) => document.getElementById(id);
const input = byId("search-input");
const parts = new WeakMap();

export function mountPeople() {
  let pause;
  const search = () => people.search(input.value.trim());
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(pause);
    search();
  });
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(search, TYPING_PAUSE_MS);
  });
}

export function drawPeople() {
  section("found", state.found ?? [], { key: (user) => user.id, build: buildFound, update: updateFound });
  byId("found-section").hidden = state.found === null;
  byId("nobody-found").hidden = state.found?.length !== 0;
  section("requests", state.requests, { key: (request) => request.request_id, build: buildRequest, update: updateRequest });
  const friends = state.friends.filter((friend) => !isBlocked(friend.id));
  section("friends", friends, { key: (user) => user.id, build: buildFriend, update: updateFriend });
  byId("no-friends").hidden = !state.loaded.people || friends.length > 0;
  section("blocks", state.blocks, { key: (user) => user.id, build: buildBlocked, update: updatePerson });
}

function section(name, items, how) {
  keyed(byId(name), items, how);
  const whole = byId(`${name}-section`);
  if (whole) whole.hidden = items.length === 0;
}

const nameOf = (user) => user.nickname || user.username;

function face() {
  const part = { avatar: avatar(), name: el("strong", { class: "name" }), note: el("span", { class: "preview" }) };
  part.lines = el("span", { class: "lines" }, part.name, part.note);
  return part;
}

function row(data, part, ...actions) {
  const node = el("li", { class: "person", data }, part.avatar, part.lines, ...actions);
  parts.set(node, part);
  return node;
}

function updatePerson(node, user, note = `@${user.username}`) {
  const part = parts.get(node);
  drawAvatar(part.avatar, nameOf(user), user.id);
  setText(part.name, nameOf(user));
  setText(part.note, note);
}

function updateFriend(node, user) {
  const part = parts.get(node);
  updatePerson(node, user, presenceNote(user.id) || undefined);
  drawAvatar(part.avatar, nameOf(user), user.id, online(user.id));
  attribute(part.more, "aria-label", say("people.more", { name: nameOf(user) }));
}

function buildFound(user) {
  const action = button(null, () => act(user.id));
  return row({ testid: "search-result", userId: user.id }, { ...face(), action }, action);
}

function act(userId) {
  return isFriend(userId) ? openChatWith(userId) : people.befriend(userId);
}

function openChatWith(userId) {
  show("chats");
  return open(conversationWith(userId));
}

function updateFound(node, user) {
  updatePerson(node, user);
  const { action } = parts.get(node);
  const asked = !isFriend(user.id) && state.asked.has(user.id);
  setText(action, say(isFriend(user.id) ? "people.message" : asked ? "people.requested" : "people.add"));
  action.disabled = asked;
}

function buildRequest({ request_id: id }) {
  const answer = (action) => () => people.answerRequest(id, action);
  const accept = button("people.accept", answer("accept"), { testid: "request-accept", class: "primary" });
  const reject = button("people.reject", answer("reject"), { testid: "request-reject" });
  return row({ testid: "request", requestId: id }, face(), accept, reject);
}

function updateRequest(node, request) {
  updatePerson(node, request.user, request.message || undefined);
}

function buildFriend(user) {
  const part = face();
  const opener = el(
    "button",
    {
      class: "item",
      data: { testid: "friend", userId: user.id },
      on: { click: () => openChatWith(user.id) },
    },
    part.avatar,
    part.lines,
  );
  part.more = menuButton(null, () => friendEntries(user.id, nameOf(user)));
  const node = el("li", { class: "friend" }, opener, part.more);
  parts.set(node, part);
  return node;
}

function friendEntries(userId, name) {
  const ask = async (question, action, then) => {
    if (await confirm(say(question, { name }), say(action))) await then(userId);
  };
  const forget = () => ask("people.unfriendQuestion", "people.delete", people.unfriend);
  const block = () => ask("people.blockQuestion", "people.block", people.block);
  return [
    { text: say("people.unfriend"), run: forget, danger: true },
    { text: say("people.block"), run: block, danger: true },
  ];
}

function buildBlocked(user) {
  return row({ testid: "blocked", userId: user.id }, face(), button("people.unblock", () => people.unblock(user.id)));
}
