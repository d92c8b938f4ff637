// Uploads, one after the other. After a lost connection the file is sent again.

import * as api from "./api.js";
import { Patience, isWorthRepeating } from "./patience.js";
import * as session from "./session.js";
import { changed, state } from "./store.js";

// A server may cut off what it refuses before it was sent whole, and that looks like a lost connection.
const MOST_ATTEMPTS_ONLINE = 5;
const LONGEST_WAIT_SECONDS = 60;

const patience = new Patience();
const running = new Map();
let turn = Promise.resolve();

// Returns the media that the server makes of the draft's file, or null when that was cancelled. Raises ApiError when the
// server refuses it for good.
export function upload(draft) {
  const control = new AbortController();
  running.set(draft, control);
  const mine = turn.then(() => bring(draft, control.signal)).finally(() => running.delete(draft));
  turn = mine.catch(() => {});
  return mine;
}

export const cancelUpload = (draft) => running.get(draft)?.abort();
export const resumeUploads = () => patience.hurry();

async function bring(draft, signal) {
  const form = new FormData();
  form.append("kind", draft.kind);
  form.append("file", draft.file);
  patience.reset();
  while (!signal.aborted && session.get()) {
    progressed(draft, 0);
    try {
      return await api.upload(form, { signal, onProgress: (share) => progressed(draft, share) });
    } catch (error) {
      if (signal.aborted) break;
      if (!isWorthRepeating(error) || isHopeless(error)) throw error;
      await patience.pause(error);
    }
  }
  return null;
}

function isHopeless({ status, retryAfter }) {
  if (retryAfter > LONGEST_WAIT_SECONDS) return true;
  return status === 0 && state.connection === "online" && patience.attempts >= MOST_ATTEMPTS_ONLINE;
}

function progressed(draft, share) {
  draft.progress = share;
  changed();
}
