const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

// Returns how many ms to wait after that many failed attempts. At random, or all clients would come at once.
export const backoff = (attempts) => Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
