// CSV as a table.
import { make } from "./dom.js";

const MOST_ROWS = 200;
const MOST_COLUMNS = 60;

export function readCsv(text) {
  // Rows of cells; quoted cells may hold commas, line ends and doubled quotes (RFC 4180).
  const rows = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let row = [];
  while (cell.lastIndex < text.length || row.length) {
    const found = cell.exec(text);
    if (!found) return null; // a quote in the wrong place: not CSV
    row.push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    if (found[3] === ",") continue;
    rows.push(row);
    row = [];
    if (!found[3]) break;
  }
  return rows;
}

export function csvTable(text) {
  // The table, or null where the text is none.
  const rows = readCsv(text);
  if (!rows || !rows.length) return null;
  const titled = rows.length > 1 && rows[0].every((cell) => cell !== "" && Number.isNaN(Number(cell)));
  const head = titled ? rows.shift() : rows[0].map((_, place) => String(place + 1));
  const wide = Math.min(MOST_COLUMNS, Math.max(head.length, ...rows.slice(0, MOST_ROWS).map((row) => row.length)));
  const words = rows.length > MOST_ROWS ? `The first ${MOST_ROWS} of ${rows.length} rows` : `${rows.length} row${rows.length === 1 ? "" : "s"}`;
  const columns = Array.from({ length: wide }, (_, place) => make("th", { scope: "col" }, head[place] || ""));
  const table = make("table", {}, make("caption", {}, words), make("thead", {}, make("tr", {}, ...columns)),
    make("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) =>
      make("tr", {}, ...Array.from({ length: wide }, (_, place) => make("td", {}, row[place] ?? ""))))));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The answer as a table" }, table);
}
