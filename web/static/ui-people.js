// Friends, requests to answer, people found, people blocked.

import { el, keyed, setText } from "./dom.js";
import { lastSeen } from "./format.js";
import { open } from "./loading.js";
import * as people from "./people.js";
import { conversationWith, isBlocked, isFriend, online, presenceOf, state } from "./store.js";
import { menuButton } from "./ui-menu.js";
import { avatar, button, confirm, drawAvatar } from "./ui-parts.js";
import { show } from "./ui-sidebar.js";

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
  updatePerson(node, user, noteOf(user) || undefined);
  drawAvatar(parts.get(node).avatar, nameOf(user), user.id, online(user.id));
}

const noteOf = ({ id }) => (online(id) ? "online" : lastSeen(presenceOf(id)?.last_seen));

function buildFound(user) {
  const action = button("", () => act(user.id));
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
  setText(action, isFriend(user.id) ? "Message" : asked ? "Requested" : "Add friend");
  action.disabled = asked;
}

function buildRequest({ request_id: id }) {
  const answer = (action) => () => people.answerRequest(id, action);
  const accept = button("Accept", answer("accept"), { testid: "request-accept", class: "primary" });
  const reject = button("Reject", answer("reject"), { testid: "request-reject" });
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
  const name = nameOf(user);
  const more = menuButton(`More about ${name}`, () => friendEntries(user.id, name));
  const node = el("li", { class: "friend" }, opener, more);
  parts.set(node, part);
  return node;
}

function friendEntries(userId, name) {
  const forget = () => ask(`Delete ${name} from your friends?`, "Delete", people.unfriend, userId);
  const block = () => ask(`Block ${name}? Neither can then write to the other.`, "Block", people.block, userId);
  return [
    { text: "Delete friend", run: forget, danger: true },
    { text: "Block", run: block, danger: true },
  ];
}

async function ask(question, action, then, userId) {
  if (await confirm(question, action)) await then(userId);
}

function buildBlocked(user) {
  return row({ testid: "blocked", userId: user.id }, face(), button("Unblock", () => people.unblock(user.id)));
}
