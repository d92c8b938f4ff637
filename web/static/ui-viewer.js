// Shows a picture or video of the open chat large. The arrow keys go to the others.

import { addressesOf, download } from "./addresses.js";
import { attribute, el, setText } from "./dom.js";
import { exact } from "./format.js";
import { IMAGE, VIDEO, hasMedia } from "./media.js";
import { visible } from "./messages.js";
import { nameOf, state } from "./store.js";
import { report } from "./toast.js";
import { say } from "./words.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("viewer");
const image = el("img", { alt: "", data: { testid: "viewer-image" } });
const video = el("video", { controls: true, playsinline: true, data: { testid: "viewer-video" } });

let shownId = null;

export function mountViewer() {
  byId("viewer-stage").append(image, video);
  byId("viewer-before").addEventListener("click", () => step(-1));
  byId("viewer-after").addEventListener("click", () => step(1));
  byId("viewer-close").addEventListener("click", () => dialog.close());
  byId("viewer-download").addEventListener("click", save);
  byId("viewer-stage").addEventListener("click", ({ target, currentTarget }) => target === currentTarget && dialog.close());
  dialog.addEventListener("keydown", pressed);
  dialog.addEventListener("close", clear);
}

// In a video the arrow keys have the browser's own meaning.
function pressed({ key, target }) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (by && target !== video) step(by);
}

const all = () => visible(state.chats.get(state.openId)).filter((message) => isShown(message) && message.extra?.media_id);
const isShown = (message) => hasMedia(message) && [IMAGE, VIDEO].includes(message.message_type);
const current = () => all().find(({ id }) => id === shownId);

export function view(message) {
  show(message);
  dialog.showModal();
}

function step(by) {
  const found = all();
  const next = found[found.findIndex(({ id }) => id === shownId) + by];
  if (next) show(next);
}

async function show(message) {
  const { id, conversation_id, from_user_id, create_time, content, message_type, extra } = message;
  clear();
  shownId = id;
  const found = all();
  byId("viewer-before").disabled = found[0]?.id === id;
  byId("viewer-after").disabled = found.at(-1)?.id === id;
  setText(byId("viewer-title"), `${nameOf(from_user_id, conversation_id)}, ${exact(create_time)}`);
  setText(byId("viewer-caption"), content);
  const node = message_type === VIDEO ? video : image;
  node.hidden = false;
  image.alt = content || say("message.image");
  try {
    const { url } = await addressesOf(extra.media_id);
    if (shownId === id) node.src = url;
  } catch (error) {
    report(error);
    if (shownId === id) dialog.close();
  }
}

function clear() {
  shownId = null;
  video.pause();
  for (const node of [image, video]) {
    node.hidden = true;
    attribute(node, "src", null);
  }
  video.load();
}

// Closes when what is shown was withdrawn.
export function drawViewer() {
  if (shownId !== null && !current()) dialog.close();
}

function save() {
  const { extra, create_time } = current();
  download(extra.media_id, `${create_time}`).catch(report);
}
