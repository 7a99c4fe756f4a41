// The only place that makes elements. Text always becomes a text node, so nothing in a payload can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `props`: class, data (dataset), on (listeners), css (CSSOM), other keys are attributes. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Make an SVG element; attributes only. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "data") assign(node.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "css") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function assign(dataset, values) {
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null) dataset[key] = String(value);
  }
}

/** Append nodes, strings and nested arrays; skips null, undefined and false. */
export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child);
  }
  return node;
}

export const replace = (node, ...children) => {
  node.replaceChildren();
  return append(node, children);
};

/**
 * Keep `parent`'s children in step with `items`; a child is rebuilt only when its print changed, so that
 * focus, typed text and scroll positions survive a refetch.
 */
export function keyed(parent, items, { key, print, render }) {
  const before = parent.keyedChildren ?? new Map();
  const after = new Map();
  const wanted = new Set(items.map(key));
  for (const [k, gone] of before) {
    if (wanted.has(k)) continue;
    gone.node.remove();
    before.delete(k);
  }
  let cursor = parent.firstChild;
  for (const item of items) {
    const k = key(item);
    const p = print(item);
    const old = before.get(k);
    const entry = old && old.print === p ? old : { print: p, node: render(item, old?.node) };
    if (old && old !== entry) {
      if (cursor === old.node) cursor = old.node.nextSibling;
      old.node.remove();
    }
    if (entry.node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(entry.node, cursor);
    after.set(k, entry);
  }
  parent.keyedChildren = after;
  return after;
}
