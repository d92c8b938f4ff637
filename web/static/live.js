// The one live connection of this page.

import * as api from "./api.js";
import { LiveSocket } from "./socket.js";
import { changed, state } from "./store.js";
import { report, toast } from "./toast.js";

const ANSWER_MS = 5_000;

let socket = null;
const asked = new Map();

export function goLive(onFrame) {
  socket = new LiveSocket({
    ticket: api.ticket,
    renew: api.refresh,
    onFrame,
    onError: reportUnlessAway,
    onState: become,
    onRefused() {
      become("refused");
      toast("connection.tooMany");
    },
  });
  socket.start();
}

// A frame sent while the link is away is lost.
export function tell(type, content) {
  if (state.connection === "online") socket.send(type, content);
}

// Sends a frame that the server answers by its key. Returns the answering frame, or null when there is no link, when it
// is lost, or when no answer comes in time: then nobody knows whether the server has done what was asked.
export function ask(type, content, key) {
  if (state.connection !== "online") return null;
  return new Promise((resolve) => {
    const timer = setTimeout(() => answered(key, null), ANSWER_MS);
    asked.set(key, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.send(type, content);
  });
}

// An answer for which nobody waits any more is dropped: whoever asked has found another way.
export function answered(key, frame) {
  asked.get(key)?.(frame);
  asked.delete(key);
}

// "Offline" says already that the server does not answer. A toast at every attempt would repeat it.
function reportUnlessAway(error) {
  if (error.status !== 0) report(error);
}

// The server sends who is online after every connect.
function become(connection) {
  state.connection = connection;
  if (connection !== "online") {
    for (const one of state.presence.values()) one.online = false;
    for (const key of [...asked.keys()]) answered(key, null);
  }
  changed();
}
