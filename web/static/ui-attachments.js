// The files that wait in the composer to be sent: picked, pasted or dropped. Every conversation has its own.

import { el, icon, keyed } from "./dom.js";
import { size } from "./format.js";
import { isTooLarge, kindOf, nameFor, typeOf } from "./media.js";
import { holdsFile } from "./pending.js";
import { send } from "./sending.js";
import * as session from "./session.js";
import { changed, state } from "./store.js";
import { toast } from "./toast.js";
import { say } from "./words.js";
import { whyNot } from "./writing.js";

const MOST = 10;

const chat = document.getElementById("chat");
const list = document.getElementById("attachments");
const picker = document.getElementById("picker");
const waiting = new Map();

export function mountAttachments() {
  document.getElementById("attach").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    attach(picker.files);
    picker.value = "";
  });
  document.getElementById("text").addEventListener("paste", pasted);
  // A file dropped beside the chat would else replace the page.
  addEventListener("dragover", dragged);
  addEventListener("drop", dropped);
  // A reload would lose the files. Whoever logs out gives them up.
  addEventListener("beforeunload", (event) => session.get() && (holdsFile() || isAnyAttached()) && event.preventDefault());
  addEventListener("dragleave", (event) => event.relatedTarget === null && chat.classList.remove("dropping"));
}

// What is copied in an office program is text and a picture of it. There the text is meant.
function pasted(event) {
  const { files, types } = event.clipboardData;
  if (!files.length || types.includes("text/plain")) return;
  event.preventDefault();
  attach(files);
}

const isAnyAttached = () => [...waiting.values()].some((files) => files.length > 0);

const holdsFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

function dragged(event) {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  chat.classList.toggle("dropping", chat.contains(event.target));
}

function dropped(event) {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  chat.classList.remove("dropping");
  if (chat.contains(event.target)) attach(event.dataTransfer.files);
}

export const attachedTo = (id) => waiting.get(id) ?? [];

function attach(files) {
  if (whyNot(state.openId)) return;
  const fitting = [...files].filter((file) => !isTooLarge(file));
  if (fitting.length < files.length) toast("error.105002");
  const all = [...attachedTo(state.openId), ...fitting];
  if (all.length > MOST) toast("media.tooMany", { count: MOST });
  waiting.set(state.openId, all.slice(0, MOST));
  changed();
  document.getElementById("text").focus();
}

function remove(file) {
  waiting.set(state.openId, attachedTo(state.openId).filter((one) => one !== file));
  changed();
}

// Sends them, each as a message; `first` has the content, extra and reply of the first. Returns whether that was sent: when
// too many messages wait already, files stay.
export function sendAttached(id, first) {
  const [file, ...others] = attachedTo(id);
  if (!send(id, messageOf(file, first))) return false;
  waiting.set(id, others);
  if (others.length) sendAttached(id, { content: "" });
  return true;
}

function messageOf(file, { extra, ...others }) {
  const kind = kindOf(file);
  return { ...others, kind, file, message_type: typeOf(kind), extra: kind === "file" ? { ...extra, name: nameFor(file) } : { ...extra } };
}

export function drawAttachments() {
  const files = attachedTo(state.openId);
  list.hidden = files.length === 0;
  keyed(list, files, { key: (file) => file, build, update() {} });
}

function build(file) {
  const close = el("button", { type: "button", class: "icon-button", data: { testid: "detach", sayTitle: "media.remove" } }, icon("close"));
  close.setAttribute("aria-label", `${say("media.remove")} ${file.name}`);
  close.addEventListener("click", () => remove(file));
  const lines = el("span", { class: "lines" }, el("span", { class: "file-name", dir: "auto", text: file.name }), el("span", { class: "hint", text: size(file.size) }));
  return el("li", { data: { testid: "attachment" } }, kindOf(file) === "image" ? small(file) : icon("file"), lines, close);
}

function small(file) {
  const image = el("img", { alt: "", src: URL.createObjectURL(file) });
  for (const event of ["load", "error"]) image.addEventListener(event, () => URL.revokeObjectURL(image.src), { once: true });
  return image;
}
