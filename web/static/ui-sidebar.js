// The signed-in user, the state of the connection, and the choice between the two panels.

import * as api from "./api.js";
import { setText } from "./dom.js";
import { count } from "./format.js";
import { forget } from "./pending.js";
import { refreshPeople } from "./people.js";
import { totalUnread } from "./reading.js";
import * as session from "./session.js";
import { changed, nameOf, state } from "./store.js";
import { report } from "./toast.js";
import { drawAvatar, filled } from "./ui-parts.js";
import { say } from "./words.js";

const CONNECTION = {
  connecting: "connection.connecting",
  online: "connection.online",
  offline: "connection.offline",
  refused: "connection.refused",
};

const byId = (id) => document.getElementById(id);
const tabs = { chats: byId("tab-chats"), people: byId("tab-people") };
const panels = { chats: byId("panel-chats"), people: byId("panel-people") };

export function mountSidebar() {
  filled(byId("my-avatar"));
  byId("logout").addEventListener("click", logOut);
  for (const [name, tab] of Object.entries(tabs)) {
    tab.addEventListener("click", () => show(name));
    tab.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") show(name === "chats" ? "people" : "chats", true);
    });
  }
}

export function show(name, focus = false) {
  state.panel = name;
  if (name === "people") refreshPeople();
  if (focus) tabs[name].focus();
  changed();
}

async function logOut() {
  await api.logout().catch(report);
  forget();
  session.end();
}

export function drawSidebar() {
  drawAvatar(byId("my-avatar"), nameOf(state.me.id), state.me.id);
  setText(byId("my-name"), nameOf(state.me.id));
  setText(byId("connection-state"), say(CONNECTION[state.connection]));
  byId("connection-state").dataset.state = state.connection === "refused" ? "offline" : state.connection;
  drawTabs();
}

function drawTabs() {
  const unread = totalUnread();
  const asking = state.requests.length;
  document.title = unread ? `(${count(unread)}) ${say("app.title")}` : say("app.title");
  setText(tabs.people, asking ? say("sidebar.peopleAsking", { count: count(asking) }) : say("sidebar.people"));
  for (const [name, tab] of Object.entries(tabs)) {
    const chosen = name === state.panel;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    panels[name].hidden = !chosen;
  }
}
