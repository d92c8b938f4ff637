// The addresses at which media are read. They are signed by the server and end after a while, so they are asked for
// when something is shown.

import * as api from "./api.js";

const MARGIN_SECONDS = 60;
const MOST = 500;

const held = new Map();

// Returns the media with addresses that are good now. Raises ApiError.
export function addressesOf(mediaId) {
  const known = held.get(mediaId);
  if (known && known.until > performance.now()) return known.answer;
  const asked = { until: Infinity };
  asked.answer = ask(mediaId, asked);
  held.delete(mediaId);
  held.set(mediaId, asked);
  if (held.size > MOST) held.delete(held.keys().next().value);
  return asked.answer;
}

export const forgetAddresses = (mediaId) => held.delete(mediaId);

// What is asked for may be forgotten meanwhile, and even asked for anew.
async function ask(mediaId, asked) {
  try {
    const media = await api.media(mediaId);
    asked.until = performance.now() + (media.expires_in - MARGIN_SECONDS) * 1000;
    return media;
  } catch (error) {
    if (held.get(mediaId) === asked) forgetAddresses(mediaId);
    throw error;
  }
}

// Has the browser save the bytes under a name.
export async function download(mediaId, name) {
  const { url } = await addressesOf(mediaId);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}
