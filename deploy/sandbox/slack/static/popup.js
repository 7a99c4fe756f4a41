// One floating list at a time: selects, people, overflow menus.
import { el, replace } from "./dom.js";
import { icon } from "./icons.js";

const layer = () => document.getElementById("layer");
let open = null;

export function closePopup({ focus = false } = {}) {
  if (!open) return;
  const { node, anchor, stop } = open;
  open = null;
  stop();
  node.remove();
  if (anchor.isConnected) {
    anchor.setAttribute("aria-expanded", "false");
    if (focus) anchor.focus();
  }
}

/** A redraw may have taken the field away from which the list was opened. */
export function closeOrphan() {
  if (open && !open.anchor.isConnected) closePopup();
}

/**
 * Show a list under `anchor`.
 * `load(query)` resolves to groups `[{label, options: [{option, node, selected}]}]`, or `{hint}`;
 * `pick(option)` returns true to keep the list open (multi selects).
 */
export function openList({ anchor, label, search, load, pick }) {
  const again = open?.anchor === anchor;
  closePopup();
  if (again) return;
  const list = el("div", { class: "popup-options", role: "listbox", "aria-label": label });
  const input = search ? field(label) : null;
  const node = el("div", { class: "popup" }, input ? el("div", { class: "popup-search" }, icon("search", 16), input) : null, list);
  layer().append(node);
  anchor.setAttribute("aria-expanded", "true");
  const panel = { list, input, active: 0, turn: 0, load, pick, label };
  const away = (event) => { if (!node.contains(event.target) && !anchor.contains(event.target)) closePopup(); };
  const moved = (event) => { if (!node.contains(event.target)) place(node, anchor); };
  document.addEventListener("pointerdown", away, true);
  window.addEventListener("resize", moved);
  document.addEventListener("scroll", moved, true);
  const stop = () => {
    document.removeEventListener("pointerdown", away, true);
    window.removeEventListener("resize", moved);
    document.removeEventListener("scroll", moved, true);
    panel.turn = -1;
    clearTimeout(panel.timer);
  };
  open = { node, anchor, stop };
  node.addEventListener("keydown", (event) => keys(event, panel));
  input?.addEventListener("input", () => later(panel, 120));
  panel.place = () => place(node, anchor);
  refresh(panel);
  panel.place();
  list.tabIndex = -1;
  (input ?? list).focus();
}

const field = (label) => el("input", {
  type: "text", class: "popup-input", "aria-label": `Search ${label}`, placeholder: "Search…",
  autocomplete: "off", spellcheck: "false",
});

function later(panel, ms) {
  clearTimeout(panel.timer);
  panel.stale = true;
  panel.timer = setTimeout(() => refresh(panel), ms);
}

// What is shown may belong to an earlier query: Enter then waits for the answer to what was typed.
async function enter(panel) {
  if (panel.stale) {
    clearTimeout(panel.timer);
    await refresh(panel);
  }
  const row = panel.rows?.[panel.active];
  if (row && panel.turn >= 0) choose(panel, row.option);
}

async function refresh(panel) {
  const turn = ++panel.turn;
  const answer = await panel.load(panel.input?.value.trim() ?? "");
  if (turn !== panel.turn) return; // closed, or a newer question was asked meanwhile
  panel.active = 0;
  panel.stale = false;
  panel.rows = [];
  if (answer.hint) replace(panel.list, el("div", { class: "popup-hint" }, answer.hint));
  else replace(panel.list, answer.map((group) => groupNode(group, panel)));
  if (!answer.hint && !panel.rows.length) replace(panel.list, el("div", { class: "popup-hint" }, "No results"));
  mark(panel);
  panel.place();
}

function groupNode(group, panel) {
  const rows = group.options.map((one) => {
    const row = el("div", {
      class: `popup-option${one.danger ? " danger" : ""}`, role: "option", "aria-selected": one.selected ? "true" : "false",
      data: { value: one.option.value },
    }, el("span", { class: "popup-check" }, one.selected ? icon("check", 16) : null), el("span", { class: "popup-text" }, one.node));
    row.addEventListener("click", () => choose(panel, one.option));
    panel.rows.push(row);
    row.option = one.option;
    return row;
  });
  return [group.label ? el("div", { class: "popup-group" }, group.label) : null, rows];
}

function choose(panel, option) {
  if (panel.pick(option)) refresh(panel);
  else closePopup({ focus: true });
}

function mark(panel) {
  panel.rows.forEach((row, at) => row.classList.toggle("active", at === panel.active));
  panel.rows[panel.active]?.scrollIntoView({ block: "nearest" });
}

function keys(event, panel) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && panel.rows?.length) {
    panel.active = (panel.active + step + panel.rows.length) % panel.rows.length;
    mark(panel);
  } else if (event.key === "Enter") {
    enter(panel);
  } else if (event.key === "Escape" || event.key === "Tab") {
    closePopup({ focus: true });
    if (event.key === "Tab") return;
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function place(node, anchor) {
  if (!anchor.isConnected) return closePopup();
  const box = anchor.getBoundingClientRect();
  const width = Math.max(box.width, 220);
  node.style.setProperty("min-width", `${width}px`);
  const height = node.offsetHeight;
  const above = box.bottom + height + 12 > innerHeight && box.top > height + 12;
  node.style.setProperty("top", `${Math.max(8, above ? box.top - height - 4 : box.bottom + 4)}px`);
  node.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - node.offsetWidth - 12))}px`);
}
