// Records a voice message in place of the composer.

import { setText } from "./dom.js";
import { playtime } from "./format.js";
import { typeOf } from "./media.js";
import { stop as stopPlaying } from "./player.js";
import { LONGEST_SECONDS, Recording, canRecord } from "./recorder.js";
import { cancelReply, replied, replyOf } from "./replying.js";
import { send } from "./sending.js";
import { changed, state } from "./store.js";
import { toast } from "./toast.js";
import { toEnd } from "./ui-chat.js";
import { BARS, drawWaveform, squeezed, waveform } from "./waveform.js";

const SHORTEST_SECONDS = 0.7;

const byId = (id) => document.getElementById(id);
const bar = byId("recording");
const bars = waveform();

let recording = null;
let recordedIn = null;
let asking = false;

export const isRecording = () => recording !== null;

export function mountRecorder() {
  byId("record").hidden = !canRecord();
  byId("record").addEventListener("click", begin);
  byId("discard-recording").addEventListener("click", discard);
  byId("send-recording").addEventListener("click", finish);
  byId("recording-time").before(bars);
  bar.addEventListener("keydown", ({ key }) => key === "Escape" && discard());
}

async function begin() {
  if (asking || recording) return;
  asking = true;
  const id = state.openId;
  stopPlaying();
  try {
    recording = await Recording.begin(draw);
    recordedIn = id;
  } catch (error) {
    console.warn(error);
    toast("voice.refused");
  }
  asking = false;
  changed();
}

function discard() {
  recording.discard();
  end();
}

function end() {
  recording = null;
  changed();
  queueMicrotask(() => byId("text").focus());
}

async function finish() {
  const { seconds, levels } = recording;
  const done = recording;
  const id = recordedIn;
  end();
  if (seconds < SHORTEST_SECONDS) {
    done.discard();
    return toast("voice.short");
  }
  const file = await done.finish();
  const answered = replied(id);
  const extra = { duration: Math.round(seconds), custom: { waveform: squeezed(levels) } };
  if (answered) extra.reply_to = answered.id;
  const sent = send(id, { message_type: typeOf("voice"), kind: "voice", file, content: "", extra, reply: answered && replyOf(answered) });
  if (sent) cancelReply(id);
  if (state.openId === id) toEnd();
  changed();
}

// A recording ends with its chat.
export function drawRecorder() {
  if (recording && recordedIn !== state.openId) discard();
  const shown = bar.hidden;
  bar.hidden = !recording;
  if (shown && recording) byId("send-recording").focus();
}

function draw() {
  drawWaveform(bars, recording.levels.slice(-BARS), 1);
  setText(byId("recording-time"), playtime(recording.seconds));
  if (recording.seconds >= LONGEST_SECONDS) finish();
}
