// Elements: found, made and kept up to date. Nothing here takes HTML.

export const element = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// What has not changed is not written: a screen reader would read it again, and a selection would be lost.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function fill(select, options) {
  // Options as [value, label]; the choice stays if it is still there. Returns whether they are others than before.
  const before = select.value;
  const same = select.options.length === options.length
    && options.every(([value, label], place) => select.options[place].value === value && select.options[place].text === label);
  if (same) return false;
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
  if (options.some(([value]) => value === before)) select.value = before;
  return true;
}

export function keyed(parent, items, key, build, update) {
  // One child for each item: kept, made or removed by its key, and in the items' order.
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const name = key(item);
    let child = there.get(name);
    there.delete(name);
    if (!child) {
      child = build(item);
      child.dataset.key = name;
    }
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] || null);
    update(child, item);
  });
  there.forEach((child) => child.remove());
}

export function mebibytes(count) {
  if (count === null || count === undefined) return "unknown";
  return count < 1048576 ? `${Math.ceil(count / 1024)} KiB` : `${Number((count / 1048576).toFixed(count < 10485760 ? 1 : 0))} MiB`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "none yet";
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}
