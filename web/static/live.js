// The one live connection of this page.

import * as api from "./api.js";
import { LiveSocket } from "./socket.js";
import { changed, state } from "./store.js";
import { report, toast } from "./toast.js";

let socket = null;

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

// "Offline" says already that the server does not answer. A toast at every attempt would repeat it.
function reportUnlessAway(error) {
  if (error.status !== 0) report(error);
}

// The server sends who is online after every connect.
function become(connection) {
  state.connection = connection;
  if (connection !== "online") for (const one of state.presence.values()) one.online = false;
  changed();
}
