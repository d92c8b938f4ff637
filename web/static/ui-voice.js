// A voice message in a bubble: a button that plays it, its waveform, and its time.

import { el, icon, setIcon, setText } from "./dom.js";
import { playtime } from "./format.js";
import { isPlaying, secondsOf, seek, toggle } from "./player.js";
import { drawWaveform, levelsOf, waveform } from "./waveform.js";
import { say } from "./words.js";

const STEP_SECONDS = 0.1;

export function voice() {
  const bars = waveform();
  const place = el("input", { type: "range", min: 0, step: STEP_SECONDS, data: { sayAriaLabel: "media.place" } });
  const time = el("span", { class: "playtime", data: { testid: "playtime" } });
  const sign = icon("play");
  const part = { bars, place, time, sign, message: null, mediaId: null, draw: () => draw(part) };
  const play = () => part.mediaId && toggle(part);
  part.button = el("button", { type: "button", class: "icon-button primary", data: { testid: "play" }, on: { click: play } }, sign);
  part.node = el("div", { class: "voice" }, part.button, el("span", { class: "track" }, bars, place), time);
  place.addEventListener("input", () => part.mediaId && seek(part, Number(place.value)));
  return { node: part.node, update: (message) => update(part, message) };
}

function update(part, message) {
  part.message = message;
  part.mediaId = message.extra?.media_id ?? null;
  draw(part);
}

// What the server has measured counts: a recorded file often does not say how long it is.
function draw(part) {
  const { bars, place, time, sign, button, message } = part;
  const whole = Number(message.extra?.duration) || 0;
  const heard = secondsOf(part);
  place.max = whole;
  place.value = heard;
  place.disabled = button.disabled = !part.mediaId;
  place.setAttribute("aria-valuetext", playtime(heard));
  drawWaveform(bars, levelsOf(message), whole ? heard / whole : 0);
  setText(time, playtime(heard || whole));
  setIcon(sign, isPlaying(part) ? "pause" : "play");
  button.dataset.playing = String(isPlaying(part));
  button.setAttribute("aria-label", say(isPlaying(part) ? "media.pause" : "media.play"));
}
