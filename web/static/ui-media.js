// What a bubble shows of a picture, a voice message, a video or a file, and how far its upload has got.

import { addressesOf, download } from "./addresses.js";
import { el, icon, setText } from "./dom.js";
import { size } from "./format.js";
import { FILE, IMAGE, VIDEO, VOICE, fit, hasMedia } from "./media.js";
import { discard } from "./sending.js";
import { report } from "./toast.js";
import { button } from "./ui-parts.js";
import { view } from "./ui-viewer.js";
import { voice } from "./ui-voice.js";
import { say } from "./words.js";

const AGAIN_MS = 5_000;
const GONE = 404;

const builders = { [IMAGE]: picture, [VOICE]: voice, [VIDEO]: picture, [FILE]: file };
const drawn = new WeakMap();

// Draws into `box`, which is hidden when the message carries nothing.
export function drawMedia(box, message) {
  box.hidden = !hasMedia(message);
  if (box.hidden) {
    box.replaceChildren();
    drawn.delete(box);
    return;
  }
  if (!drawn.has(box)) {
    const parts = [builders[message.message_type](), progress()];
    box.replaceChildren(...parts.map(({ node }) => node));
    drawn.set(box, parts);
  }
  for (const part of drawn.get(box)) part.update(message);
}

function progress() {
  let message = null;
  const bar = el("progress", { max: 1, data: { sayAriaLabel: "media.uploading", testid: "upload-progress" } });
  const cancel = button("media.cancel", () => discard(message.conversation_id, message.client_msg_id), { testid: "cancel-upload" });
  const node = el("div", { class: "progress" }, bar, cancel);
  function update(next) {
    message = next;
    node.hidden = !next.file || next.failed;
    bar.value = next.progress ?? 0;
  }
  return { node, update };
}

// Addresses are asked for when the picture comes near the screen, and not for a whole history at once.
const near = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      near.get(target)();
    }
  },
  { root: document.getElementById("scroll"), rootMargin: "300px" },
);

function picture() {
  const image = el("img", { alt: "", draggable: "false" });
  const label = el("span", { class: "gone" });
  const part = { image, label, message: null, asked: null };
  const node = el("button", { type: "button", class: "picture", data: { testid: "picture" }, on: { click: () => open(part) } }, image, label);
  part.node = node;
  near.set(node, () => load(part));
  image.addEventListener("error", () => image.removeAttribute("src"));
  return { node, update: (message) => drawPicture(part, message) };
}

function drawPicture(part, message) {
  const { node } = part;
  const isVideo = message.message_type === VIDEO;
  part.message = message;
  node.classList.toggle("video", isVideo);
  if (isVideo && node.children.length < 3) node.append(icon("play", "icon play"));
  node.setAttribute("aria-label", say(isVideo ? "media.openVideo" : "media.openImage"));
  if (message.extra?.width || !node.style.width) resize(node, message.extra ?? {});
  if (message.file) preview(part, message.file, isVideo);
  else ask(part, message);
}

// The sender sees their own picture at once.
function preview(part, file, isVideo) {
  if (part.asked === file || isVideo) return;
  part.asked = file;
  const { image, node } = part;
  const address = URL.createObjectURL(file);
  image.src = address;
  image.addEventListener("load", () => resize(node, { width: image.naturalWidth, height: image.naturalHeight }), { once: true });
  for (const event of ["load", "error"]) image.addEventListener(event, () => URL.revokeObjectURL(address), { once: true });
}

// The room is there before the picture, so that nothing moves when it comes.
function resize(node, pixels) {
  const { width, height } = fit(pixels);
  node.style.width = `${width}px`;
  node.style.aspectRatio = `${width} / ${height}`;
}

// A message changes when its thumbnail is made late. What is shown already stays.
function ask(part, { extra, change_seq }) {
  const wanted = `${extra.media_id} ${change_seq}`;
  if (part.asked === wanted || part.image.hasAttribute("src")) return;
  part.asked = wanted;
  watcher.observe(part.node);
}

async function load(part) {
  const { extra, message_type } = part.message;
  try {
    const media = await addressesOf(extra.media_id);
    const address = media.thumbnail_url || (message_type === IMAGE && media.url);
    if (address) part.image.src = address;
  } catch (error) {
    if (error.status === GONE) setText(part.label, say("media.gone"));
    else setTimeout(() => (part.asked = null), AGAIN_MS);
  }
}

const open = ({ message }) => message.extra?.media_id && view(message);

function file() {
  let message = null;
  const name = el("strong", { class: "file-name", dir: "auto" });
  const bytes = el("span", { class: "hint" });
  const lines = el("span", { class: "lines" }, name, bytes);
  const save = () => message.extra.media_id && download(message.extra.media_id, message.extra.name).catch(report);
  const node = el("button", { type: "button", class: "file", data: { testid: "file", sayTitle: "media.download" }, on: { click: save } });
  node.append(icon("file"), lines);
  function update(next) {
    message = next;
    setText(name, next.extra.name ?? "");
    setText(bytes, size(next.file?.size ?? next.extra.size ?? 0));
  }
  return { node, update };
}
