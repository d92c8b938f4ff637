// Records a voice message from the microphone.

const FORMATS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const EVERY_MS = 100;
export const LONGEST_SECONDS = 59; // the server takes 60, and a recorder ends a little late

export const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

export class Recording {
  levels = [];
  #stream;
  #recorder;
  #context;
  #timer;
  #chunks = [];
  #startedAt;

  // Asks for the microphone. Raises DOMException when there is none, or the user refuses it. onLevel is called as the
  // recording goes on, after its level was added to `levels`.
  static async begin(onLevel) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    try {
      return new Recording(stream, onLevel);
    } catch (error) {
      release(stream);
      throw error;
    }
  }

  constructor(stream, onLevel) {
    this.#stream = stream;
    this.#recorder = new MediaRecorder(stream, { mimeType: FORMATS.find((each) => MediaRecorder.isTypeSupported(each)) });
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#chunks.push(data));
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(stream).connect(analyser);
    this.#recorder.start();
    this.#startedAt = performance.now();
    this.#timer = setInterval(() => {
      this.levels.push(loudness(analyser));
      onLevel();
    }, EVERY_MS);
  }

  get seconds() {
    return (performance.now() - this.#startedAt) / 1000;
  }

  // Returns the recorded file.
  async finish() {
    const stopped = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
    this.discard();
    await stopped;
    return new File(this.#chunks, "voice", { type: this.#recorder.mimeType });
  }

  discard() {
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    release(this.#stream);
    this.#context.close();
  }
}

// The microphone is off only when its tracks have stopped.
function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// Returns 0 to 100. The root makes quiet speech visible.
function loudness(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const peak = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  return Math.round(Math.sqrt(Math.min(1, peak)) * 100);
}
