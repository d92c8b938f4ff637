// Pictures, voice, video and files: what the server takes of each kind. It decides; this is what the page offers.

import { RECALLED } from "./messages.js";

export const IMAGE = 2;
export const VOICE = 3;
export const VIDEO = 4;
export const FILE = 5;

const MIB = 1024 * 1024;
const LONGEST_NAME = 255;
// Separators, control characters, and marks that turn text round.
const NOT_IN_A_NAME = /[\\/\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

const KINDS = {
  image: { type: IMAGE, most: 10 * MIB, from: ["image/jpeg", "image/png", "image/gif", "image/webp"] },
  voice: { type: VOICE, most: 2 * MIB, from: [] }, // recorded only
  video: { type: VIDEO, most: 100 * MIB, from: ["video/mp4", "video/webm"] },
  file: { type: FILE, most: 100 * MIB, from: [] },
};

export const typeOf = (kind) => KINDS[kind].type;
export const isTooLarge = ({ size }) => size > KINDS.file.most;

// Returns the kind as which a file is sent. What is too large for a picture still goes as a file.
export function kindOf({ type, size }) {
  return Object.keys(KINDS).find((kind) => KINDS[kind].from.includes(type) && size <= KINDS[kind].most) ?? "file";
}

// Returns a file's name as the server takes it. Of one that is too long, the end stays, because it tells the kind.
export function nameFor({ name }) {
  const clean = [...name.replace(NOT_IN_A_NAME, "_")].slice(-LONGEST_NAME).join("");
  return /[^ .]/.test(clean) ? clean : "_";
}

// Returns whether a message carries bytes that are here to be shown, uploaded or not.
export const hasMedia = ({ status, message_type, extra, file }) =>
  status < RECALLED && message_type >= IMAGE && message_type <= FILE && Boolean(file || extra?.media_id);

// Returns the size in which a picture is shown small.
export function fit({ width, height }, most = 260) {
  if (!(width > 0 && height > 0)) return { width: most, height: (most * 3) / 4 };
  const scale = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(80, Math.round(width * scale)), height: Math.max(60, Math.round(height * scale)) };
}
