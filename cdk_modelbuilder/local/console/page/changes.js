// Says what changed since the last look, in one sentence that is read aloud.
import { copies } from "./endpoints.js";

export class Changes {
  #before = null;

  of(status) {
    // The sentences of what is new in `status`; none the first time.
    const now = new Map();
    for (const endpoint of status.endpoints) {
      now.set(endpoint.name, { state: endpoint.status, reason: "", restarts: 0 });
      for (const copy of copies(endpoint)) now.set(copy.name, copy);
    }
    const before = this.#before;
    this.#before = now;
    if (!before) return [];
    const found = [];
    now.forEach(({ state, reason, restarts }, name) => {
      const old = before.get(name);
      // What has failed is tried again and again, which is no news.
      if (old && old.state === state && (old.restarts === restarts || state === "Failed")) return;
      const why = reason && state !== "InService" ? `: ${reason.replace(/[.\s]+$/, "")}` : "";
      // Between two looks it may have ended and come back.
      found.push(old && old.state === state ? `${name} was started again${why}.` : `${name} is ${state}${why}.`);
    });
    before.forEach((_, name) => {
      if (!now.has(name)) found.push(`${name} is gone.`);
    });
    return found;
  }
}
