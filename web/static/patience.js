// How long something waits that is repeated until the server takes it.

import { backoff } from "./backoff.js";

const WORTH_REPEATING = new Set([0, 429, 503]);

export const isWorthRepeating = ({ status }) => WORTH_REPEATING.has(status);

export class Patience {
  #attempts = 0;
  #wake = () => {};

  get attempts() {
    return this.#attempts;
  }

  // The time that the server asks for is always waited out. The rest of the pause ends by hurry().
  async pause({ retryAfter }) {
    await new Promise((resolve) => setTimeout(resolve, retryAfter * 1000));
    await new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, backoff(this.#attempts));
    });
    this.#attempts += 1;
  }

  // Called when the link is back, so that the next attempt begins at once.
  hurry() {
    this.#attempts = 0;
    this.#wake();
  }

  reset() {
    this.#attempts = 0;
  }
}
