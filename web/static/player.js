// Plays voice messages, one at a time.

import { addressesOf } from "./addresses.js";
import { report } from "./toast.js";

const audio = new Audio();
let current = null;

for (const event of ["timeupdate", "play", "pause", "ended"]) audio.addEventListener(event, () => current?.draw());
audio.addEventListener("ended", stop);

// voice: { mediaId, node, draw }. `draw` is called whenever something has changed; it stops when its node is gone.
export async function toggle(voice) {
  if (current === voice && !audio.paused) return audio.pause();
  await start(voice, current === voice ? audio.currentTime : 0);
}

export const isPlaying = (voice) => current === voice && !audio.paused;
export const secondsOf = (voice) => (current === voice ? audio.currentTime : 0);

export function seek(voice, seconds) {
  if (current === voice) audio.currentTime = seconds;
  else start(voice, seconds);
}

export function stop() {
  const before = current;
  current = null;
  audio.pause();
  before?.draw();
}

// Stops what is played when its message is no longer shown.
export function stopWhatIsGone() {
  if (current && !current.node.isConnected) stop();
}

async function start(voice, seconds) {
  if (current !== voice) stop();
  const again = current === voice;
  current = voice;
  try {
    if (!again) audio.src = (await addressesOf(voice.mediaId)).url;
    if (current !== voice) return;
    if (seconds !== audio.currentTime) audio.currentTime = seconds;
    await audio.play();
  } catch (error) {
    // The start of another message ends a play() that has not begun.
    if (current !== voice) return;
    stop();
    report(error);
  }
}
