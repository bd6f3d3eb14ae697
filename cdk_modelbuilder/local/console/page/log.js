// The live log: one stream of lines, of which the chosen ones are shown.
import { element, fill, make, setText } from "./dom.js";

const KEPT = 2000;
const TOGETHER_MS = 50;

export class Log {
  #lines = [];
  #arrived = [];
  #missed = 0;
  #last = 0;
  #paused = false;
  #source = null;

  constructor() {
    element("log-endpoint").addEventListener("change", () => this.#showAll());
    element("log-words").addEventListener("input", () => this.#showAll());
    element("log-clear").addEventListener("click", () => { this.#lines = []; this.#showAll(); });
    element("log-pause").addEventListener("click", () => this.#pause(!this.#paused));
    document.addEventListener("visibilitychange", () => this.#follow());
    this.#follow();
  }

  showEndpoints(names) {
    if (fill(element("log-endpoint"), [["", "All"], ...names.map((name) => [name, name])])) this.#showAll();
  }

  begin() {
    // Another gateway, perhaps, which counts its lines anew; the same one sends again what it remembers.
    this.#lines = [];
    this.#arrived = [];
    this.#last = 0;
    if (this.#source) this.#source.close();
    this.#source = null;
    this.#showAll();
    this.#follow();
  }

  #follow() {
    // Nobody sees a hidden page, and a browser opens only so many connections; the gateway remembers the lines.
    if (document.hidden) {
      if (this.#source) this.#source.close();
      this.#source = null;
    } else if (!this.#source) {
      this.#source = new EventSource("-/logs");
      this.#source.onmessage = (event) => this.#add(event);
      this.#source.onerror = () => this.#showState();
      this.#source.onopen = () => this.#showState();
    }
  }

  #add(event) {
    const number = Number(event.lastEventId);
    if (number <= this.#last) return; // came already, before the page was hidden
    this.#last = number;
    // Lines come in crowds, and each change of a long list takes the browser a while.
    if (!this.#arrived.length) setTimeout(() => this.#showArrived(), TOGETHER_MS);
    this.#arrived.push(JSON.parse(event.data));
  }

  #showArrived() {
    const arrived = this.#arrived;
    this.#arrived = [];
    this.#lines.push(...arrived);
    this.#lines.splice(0, this.#lines.length - KEPT);
    const wanted = arrived.filter((line) => this.#wanted(line));
    if (this.#paused) this.#missed += wanted.length;
    else this.#append(wanted);
    this.#showState();
  }

  #wanted({ copy, line }) {
    const endpoint = element("log-endpoint").value;
    const words = element("log-words").value.toLowerCase();
    return (!endpoint || copy.startsWith(`${endpoint}/`)) && (!words || line.toLowerCase().includes(words));
  }

  #append(lines) {
    const place = element("log");
    const follow = place.scrollTop + place.clientHeight >= place.scrollHeight - 4;
    place.append(...lines.map(({ copy, line }) => make("div", {}, make("span", { class: "copy" }, copy), " ", line)));
    while (place.children.length > KEPT) place.firstChild.remove();
    if (follow) place.scrollTop = place.scrollHeight;
  }

  #showAll() {
    this.#missed = 0;
    element("log").replaceChildren();
    this.#append(this.#lines.filter((line) => this.#wanted(line)));
    this.#showState();
  }

  #pause(paused) {
    this.#paused = paused;
    element("log-pause").setAttribute("aria-pressed", String(paused));
    if (paused) this.#showState();
    else this.#showAll();
  }

  #showState() {
    const connected = this.#source && this.#source.readyState === EventSource.OPEN;
    const shown = element("log").children.length;
    const missed = this.#missed ? `, ${this.#missed} more since the pause` : "";
    const words = `${shown} of ${this.#lines.length} lines${missed}${this.#paused ? ", paused" : ""}`;
    setText(element("log-state"), connected ? words : `${words}; the gateway is not reached, and asked again`);
  }
}
