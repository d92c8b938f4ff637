// The loudness of a voice message, as bars.

const SVG = "http://www.w3.org/2000/svg";
export const BARS = 48;
const HEIGHT = 28;
const STEP = 4;
const WIDTH = 2.4;
const LOWEST = 2;

export function waveform() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${BARS * STEP} ${HEIGHT}`);
  svg.setAttribute("class", "waveform");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("preserveAspectRatio", "none");
  for (let at = 0; at < BARS; at += 1) svg.append(document.createElementNS(SVG, "rect"));
  return svg;
}

// levels: 0 to 100 each, at most BARS of them. played: the share that has been heard, 0 to 1.
export function drawWaveform(svg, levels, played) {
  [...svg.children].forEach((bar, at) => {
    const height = Math.max(LOWEST, ((levels[at] ?? 0) / 100) * HEIGHT);
    const box = { x: at * STEP, y: (HEIGHT - height) / 2, width: WIDTH, height, rx: WIDTH / 2 };
    for (const [name, value] of Object.entries(box)) bar.setAttribute(name, value);
    bar.classList.toggle("played", at < played * BARS);
  });
}

// Returns any number of levels as BARS of them, each the loudest of its part.
export function squeezed(levels) {
  const part = levels.length / BARS;
  const loudest = (at) => Math.max(0, ...levels.slice(Math.floor(at * part), Math.max(Math.ceil((at + 1) * part), 1)));
  return Array.from({ length: BARS }, (_, at) => loudest(at));
}

// Returns the levels that a message carries. They come from another client, so they may be anything.
export function levelsOf({ extra }) {
  const found = extra?.custom?.waveform;
  if (!Array.isArray(found)) return [];
  return found.slice(0, BARS).map((level) => Math.min(100, Math.max(0, Number(level) || 0)));
}
