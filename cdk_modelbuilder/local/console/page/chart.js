// Latency of the newest requests, as SVG, in words, and as a table.
import { element, keyed, make, milliseconds, setText } from "./dom.js";
import { parts } from "./endpoints.js";

const SVG = "http://www.w3.org/2000/svg";
const HIGH = 220;
const EDGE = { left: 66, right: 92, top: 14, bottom: 26 };
const LISTED = 10;

export function showCharts(endpoint) {
  const shown = parts(endpoint).filter((part) => part.requests !== undefined);
  keyed(element("charts"), shown, (part) => `${endpoint.name} ${part.kind} ${part.name}`, build, (figure, part) =>
    update(figure, part, endpoint.name, shown.length > 1));
}

function build() {
  const words = make("figcaption");
  const table = make("table", {}, make("caption", {}, "The newest requests, newest first"));
  return make("figure", {}, make("div", { class: "plot" }), words, make("details", { hidden: "" }, make("summary", {}, "As a table"), table));
}

function update(figure, part, endpoint, named) {
  const wide = Math.max(300, figure.clientWidth);
  const drawn = `${part.requests} ${wide}`;
  if (figure.dataset.drawn === drawn) return;
  figure.dataset.drawn = drawn;
  const values = part.recent_ms;
  const name = named ? `${endpoint}, ${part.kind.toLowerCase()} ${part.name}` : endpoint;
  const details = figure.querySelector("details");
  details.hidden = !values.length;
  setText(figure.querySelector("figcaption"), words(name, part));
  figure.querySelector(".plot").replaceChildren(...(values.length ? [plot(name, part, wide)] : []));
  const rows = values.slice(-LISTED).reverse().map((value, place) => ({ number: part.requests - place, value }));
  const table = details.querySelector("table");
  if (table.tBodies.length) table.tBodies[0].remove();
  table.append(make("tbody", {}, ...rows.map(({ number, value }) =>
    make("tr", {}, make("th", { scope: "row" }, `Request ${number}`), make("td", {}, milliseconds(value))))));
}

function words(name, part) {
  const values = part.recent_ms;
  if (!values.length) return `${name} has had no request yet.`;
  const count = values.length === part.requests ? `All ${values.length}` : `The newest ${values.length} of ${part.requests}`;
  return `${name}. ${count} requests took ${milliseconds(Math.min(...values))} to ${milliseconds(Math.max(...values))}, `
    + `the last ${milliseconds(values[values.length - 1])}. Of the newest 4,096, half took up to `
    + `${milliseconds(part.p50_ms)} (p50) and 99 of 100 up to ${milliseconds(part.p99_ms)} (p99).`;
}

function plot(name, part, wide) {
  const values = part.recent_ms;
  const top = roundUp(Math.max(...values, part.p99_ms || 0));
  const across = (place) => EDGE.left + (values.length < 2 ? 0.5 : place / (values.length - 1)) * (wide - EDGE.left - EDGE.right);
  const up = (value) => HIGH - EDGE.bottom - (value / top) * (HIGH - EDGE.top - EDGE.bottom);
  const picture = draw("svg", { viewBox: `0 0 ${wide} ${HIGH}`, role: "img", "aria-label": `Latency of ${name}; the words below say the same.` });
  for (const value of [0, top / 2, top]) {
    picture.append(draw("line", { class: "grid", x1: EDGE.left, x2: wide - EDGE.right, y1: up(value), y2: up(value) }));
    picture.append(draw("text", { x: EDGE.left - 8, y: up(value) + 4, "text-anchor": "end" }, value ? milliseconds(value).replace(/\.0+ /, " ") : "0"));
  }
  picture.append(draw("polyline", { class: "line", points: values.map((value, place) => `${across(place)},${up(value)}`).join(" ") }));
  values.forEach((value, place) => picture.append(draw("circle", { class: "dot", cx: across(place), cy: up(value), r: values.length > 50 ? 2 : 3 })));
  const levels = [["p50", part.p50_ms], ["p99", part.p99_ms]];
  levels.forEach(([level, value]) => {
    picture.append(draw("line", { class: level, x1: EDGE.left, x2: wide - EDGE.right, y1: up(value), y2: up(value) }));
  });
  // Their names stand beside the lines, and one line apart where the lines are closer.
  const places = levels.map(([, value]) => up(value) + 4);
  places[0] = Math.max(places[0], places[1] + 14);
  levels.forEach(([level, value], number) => {
    picture.append(draw("text", { x: wide - EDGE.right + 6, y: Math.min(places[number], HIGH - 8) }, `${level} ${milliseconds(value)}`));
  });
  picture.append(draw("text", { x: EDGE.left, y: HIGH - 6 }, `request ${part.requests - values.length + 1}`));
  if (values.length > 1) picture.append(draw("text", { x: wide - EDGE.right, y: HIGH - 6, "text-anchor": "end" }, String(part.requests)));
  return picture;
}

function roundUp(value) {
  // The next of 1, 2, 5, 10, 20 ...
  const base = 10 ** Math.floor(Math.log10(Math.max(value, 0.01)));
  return [1, 2, 5, 10].map((step) => step * base).find((step) => step >= value);
}

function draw(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}
