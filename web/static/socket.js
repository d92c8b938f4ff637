// Keeps one WebSocket open, and reconnects by itself whenever it is lost.

import { backoff } from "./backoff.js";

const PING_MS = 25_000;
const SILENCE_MS = 60_000;
const HELLO_MS = 15_000;
const STEADY_MS = 10_000;

const TOKEN_NO_LONGER_GOOD = 1008;
const TOO_MANY_CONNECTIONS = 4001;

export class LiveSocket {
  #hooks;
  #socket = null;
  #retry = null;
  #attempts = 0;
  #afterMs = null;
  #state = "offline";
  #openedAt = 0;
  #heardAt = 0;
  #pingedAt = 0;

  // hooks: ticket(), renew(), onFrame(frame), onState(state), onError(error), onRefused()
  constructor(hooks) {
    this.#hooks = hooks;
  }

  start() {
    setInterval(() => this.#watch(), 5_000);
    addEventListener("online", () => this.#hurry());
    addEventListener("offline", () => this.#socket && this.#abandon());
    document.addEventListener("visibilitychange", () => this.#hurry());
    this.#connect();
  }

  send(type, content) {
    this.#socket?.send(JSON.stringify({ type, content }));
  }

  async #connect() {
    this.#retry = null;
    this.#become("connecting");
    try {
      this.#open(await this.#hooks.ticket());
    } catch (error) {
      this.#hooks.onError(error);
      this.#later();
    }
  }

  #open(ticket) {
    const url = new URL("/message/v1/ws", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("ticket", ticket);
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#openedAt = this.#heardAt = this.#pingedAt = performance.now();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  #receive(frame) {
    this.#heardAt = performance.now();
    if (frame.type === "hello") this.#become("online");
    if (frame.type === "reconnect") this.#leave(frame.content.after_ms);
    else this.#hooks.onFrame(frame);
  }

  #leave(afterMs) {
    this.#afterMs = afterMs;
    this.#abandon();
  }

  // A dead link may take minutes to report its close, so nothing waits for that.
  #abandon() {
    const socket = this.#socket;
    this.#lost(0);
    socket.close();
  }

  async #lost(code) {
    // A server that accepts and drops at once must not be hammered, so only a link that held resets the backoff.
    if (this.#state === "online" && performance.now() - this.#openedAt > STEADY_MS) this.#attempts = 0;
    this.#socket = null;
    this.#become("offline");
    if (code === TOO_MANY_CONNECTIONS) return this.#hooks.onRefused();
    if (code === TOKEN_NO_LONGER_GOOD) await this.#hooks.renew().catch(this.#hooks.onError);
    this.#later();
  }

  #later() {
    const delay = this.#afterMs ?? backoff(this.#attempts);
    this.#attempts += 1;
    this.#afterMs = null;
    this.#become("offline");
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  #hurry() {
    if (this.#retry === null || document.hidden) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #watch() {
    if (!this.#socket) return;
    const now = performance.now();
    if (this.#state === "connecting" && now - this.#openedAt > HELLO_MS) return this.#abandon();
    // Timers of a hidden tab are throttled to one a minute, so silence counts only after an unanswered ping.
    if (this.#heardAt < this.#pingedAt && now - this.#heardAt > SILENCE_MS) return this.#abandon();
    if (this.#state === "online" && now - this.#pingedAt >= PING_MS) this.#ping(now);
  }

  #ping(now) {
    this.#pingedAt = now;
    this.send("ping", {});
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#hooks.onState(state);
  }
}
