// Menus with one or several choices, fixed or asked from the app while typing.
import { append, el, replace } from "./dom.js";
import { marks, optionNode, plainText, send } from "./elements.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { openList } from "./popup.js";

const matches = (option, query) => plainText(option.text).toLowerCase().includes(query.toLowerCase());

function groupsOf(element) {
  if (element.option_groups) return element.option_groups.map((one) => ({ label: plainText(one.label), options: one.options }));
  return [{ options: element.options ?? [] }];
}

const narrowed = (groups, query, ctx, chosen) => groups
  .map((group) => ({
    label: group.label,
    options: group.options.filter((option) => !query || matches(option, query))
      .map((option) => ({ option, node: optionNode(option, ctx), selected: chosen.has(option.value) })),
  }))
  .filter((group) => group.options.length);

const asked = async (slot, query, chosen) => {
  const least = slot.element.min_query_length ?? 3;
  if (query.length < least) return { hint: `Type ${least === 1 ? "a letter" : `at least ${least} letters`} to search` };
  const answer = await slot.ctx.suggest(slot, query);
  if (answer.error && !answer.options) return { hint: `The options did not load: ${answer.error}` };
  const groups = answer.option_groups ? groupsOf(answer) : [{ options: answer.options ?? [] }];
  return narrowed(groups, "", slot.ctx, chosen);
};

function trigger(slot) {
  return el("button", {
    type: "button", class: "select", id: slot.id, data: marks(slot), "aria-haspopup": "listbox", "aria-expanded": "false",
    "aria-describedby": slot.describedBy,
  });
}

function show(node, slot, content, label) {
  const text = content ?? el("span", { class: "placeholder" }, plainText(slot.element.placeholder) || "Choose…");
  replace(node, el("span", { class: "select-text" }, text), icon("chevron", 16));
  node.setAttribute("aria-label", `${slot.label}: ${label || plainText(slot.element.placeholder) || "nothing chosen"}`);
}

/** A menu with one choice; `load(query, chosen)` answers what openList wants. */
function single(slot, { initial, field, load, toValue, display }) {
  const { element, block, ctx } = slot;
  const entry = ctx.form.start(block.block_id, element.action_id, { type: element.type, [field]: initial ?? null });
  let current = entry[field];
  const node = trigger(slot);
  const draw = () => show(node, slot, current && display(current).node, current && display(current).label);
  draw();
  const pick = async (option) => {
    const before = current;
    current = toValue(option);
    ctx.form.set(block.block_id, element.action_id, { type: element.type, [field]: current });
    draw();
    if ((await send(slot, { [field]: current }, node)) !== false) return;
    current = before;
    ctx.form.set(block.block_id, element.action_id, { type: element.type, [field]: current });
    draw();
  };
  node.addEventListener("click", () => openList({
    anchor: node, label: slot.label, search: true,
    load: (query) => load(query, new Set(current ? [current.value ?? current] : [])),
    pick: (option) => { pick(option); },
  }));
  return node;
}

const optionDisplay = (ctx) => (option) => ({ node: textObject(option.text, ctx), label: plainText(option.text) });

export function staticSelect(slot) {
  return single(slot, {
    initial: slot.element.initial_option, field: "selected_option", toValue: (option) => option, display: optionDisplay(slot.ctx),
    load: async (query, chosen) => narrowed(groupsOf(slot.element), query, slot.ctx, chosen),
  });
}

export function externalSelect(slot) {
  return single(slot, {
    initial: slot.element.initial_option, field: "selected_option", toValue: (option) => option, display: optionDisplay(slot.ctx),
    load: (query, chosen) => asked(slot, query, chosen),
  });
}

export function usersSelect(slot) {
  const { ctx } = slot;
  const options = ctx.users.map((user) => ({ text: { type: "plain_text", text: user.name }, value: user.id }));
  return single(slot, {
    initial: slot.element.initial_user, field: "selected_user", toValue: (option) => option.value,
    display: (id) => {
      const name = ctx.users.find((user) => user.id === id)?.name ?? id;
      return { node: name, label: name };
    },
    load: async (query, chosen) => narrowed([{ options }], query, ctx, chosen),
  });
}

export function multiSelect(slot, kind) {
  const { element, block, ctx } = slot;
  const entry = ctx.form.start(block.block_id, element.action_id, { type: element.type, selected_options: element.initial_options ?? [] });
  let chosen = entry.selected_options;
  const node = trigger(slot);
  const box = el("div", { class: "multi" }, el("div", { class: "chips" }), node);
  const set = (options) => {
    chosen = options;
    ctx.form.set(block.block_id, element.action_id, { type: element.type, selected_options: chosen });
    draw();
    send(slot, { selected_options: chosen }, node);
  };
  const without = (option) => chosen.filter((one) => one.value !== option.value);
  const draw = () => {
    show(node, slot, null, chosen.map((one) => plainText(one.text)).join(", "));
    replace(box.firstChild, chosen.map((option) => chip(option, ctx, () => set(without(option)))));
  };
  draw();
  const values = () => new Set(chosen.map((one) => one.value));
  node.addEventListener("click", () => openList({
    anchor: node, label: slot.label, search: true,
    load: (query) => (kind === "static"
      ? Promise.resolve(narrowed(groupsOf(element), query, ctx, values())) : asked(slot, query, values())),
    pick: (option) => {
      if (values().has(option.value)) set(without(option));
      else if (chosen.length < (element.max_selected_items ?? Infinity)) set([...chosen, option]);
      return true;
    },
  }));
  return box;
}

const chip = (option, ctx, remove) => append(el("span", { class: "chip", data: { value: option.value } }), [
  el("span", {}, textObject(option.text, ctx)),
  el("button", { type: "button", class: "chip-x", "aria-label": `Remove ${plainText(option.text)}`, on: { click: remove } }, icon("close", 12)),
]);
