// Interactive elements. A slot is one element in its place: {element, block, ctx, dispatches, label}.
import { ownUrl, safeLink } from "./api.js";
import { append, el } from "./dom.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { datePicker, dateTimePicker, timePicker } from "./pickers.js";
import { openList } from "./popup.js";
import { externalSelect, multiSelect, staticSelect, usersSelect } from "./selects.js";

const RENDER = {
  button,
  overflow,
  image: (slot) => picture(slot.element, slot.ctx, "thumb"),
  static_select: staticSelect,
  external_select: externalSelect,
  users_select: usersSelect,
  multi_static_select: (slot) => multiSelect(slot, "static"),
  multi_external_select: (slot) => multiSelect(slot, "external"),
  datepicker: datePicker,
  timepicker: timePicker,
  datetimepicker: dateTimePicker,
  plain_text_input: textInput,
  number_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  checkboxes: (slot) => choices(slot, "checkbox"),
  radio_buttons: (slot) => choices(slot, "radio"),
};

export function renderElement(slot) {
  const render = RENDER[slot.element?.type];
  return render ? render(slot) : el("span", { class: "unknown" }, `${slot.element?.type ?? "element"} is not drawn here`);
}

/** Attributes by which tests and people find an element. */
export const marks = (slot) => ({ actionId: slot.element.action_id, blockId: slot.block.block_id });

export const plainText = (object) => (typeof object === "string" ? object : object?.text ?? "");

function button(slot) {
  const { element, ctx } = slot;
  const href = element.url ? safeLink(element.url) : null;
  const style = { primary: " btn-primary", danger: " btn-danger" }[element.style] ?? "";
  const node = el(href ? "a" : "button", {
    class: `btn${style}`, data: { ...marks(slot), style: element.style },
    type: href ? undefined : "button", href: href ?? undefined, target: href ? "_blank" : undefined,
    rel: href ? "noopener noreferrer" : undefined, "aria-label": element.accessibility_label,
  }, textObject(element.text, ctx), href ? icon("link", 15) : null);
  // A button that opens a link reports the click as well.
  node.addEventListener("click", () => ctx.fire(slot, element.value === undefined ? {} : { value: element.value }, node));
  return node;
}

function overflow(slot) {
  const { element, ctx } = slot;
  const node = el("button", {
    type: "button", class: "btn btn-icon", data: marks(slot), "aria-haspopup": "listbox", "aria-expanded": "false",
    "aria-label": element.accessibility_label ?? "More actions",
  }, icon("more"));
  const options = (element.options ?? []).map((option) => ({ option, node: optionNode(option, ctx) }));
  node.addEventListener("click", () => openList({
    anchor: node, label: "More actions", search: false, load: async () => [{ options }],
    pick: (option) => {
      const href = option.url ? safeLink(option.url) : null;
      if (href) window.open(href, "_blank", "noopener,noreferrer");
      ctx.fire(slot, { selected_option: option }, node);
    },
  }));
  return node;
}

export const optionNode = (option, ctx) => [
  el("span", { class: "option-text" }, textObject(option.text, ctx)),
  option.description ? el("span", { class: "option-note" }, textObject(option.description, ctx)) : null,
];

function textInput(slot) {
  const { element, block, ctx } = slot;
  const number = element.type === "number_input";
  const entry = ctx.form.start(block.block_id, element.action_id, { type: element.type, value: element.initial_value ?? null });
  const node = el(element.multiline ? "textarea" : "input", {
    class: "field", id: slot.id, data: marks(slot), "aria-label": slot.id ? undefined : slot.label,
    "aria-describedby": slot.describedBy, placeholder: plainText(element.placeholder) || undefined,
    autocomplete: "off", spellcheck: "false", value: entry.value ?? "",
    minlength: element.min_length, maxlength: element.max_length,
    ...(element.multiline ? { rows: 3 } : { type: "text", inputmode: number ? "decimal" : undefined }),
  });
  if (element.focus_on_load) node.dataset.focus = "1";
  node.addEventListener("input", () => {
    ctx.form.set(block.block_id, element.action_id, { type: element.type, value: node.value === "" ? null : node.value });
    if (element.dispatch_action_config?.trigger_actions_on?.includes("on_character_entered")) send(slot, { value: node.value }, node);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || element.multiline || event.isComposing) return;
    event.preventDefault();
    if (slot.dispatches) send(slot, { value: node.value }, node);
    else ctx.submit?.();
  });
  return node;
}

/** Report a change, but only where the element's block sends its changes. */
export function send(slot, extra, node) {
  return slot.dispatches ? slot.ctx.fire(slot, extra, node) : Promise.resolve(true);
}

function choices(slot, kind) {
  const { element, block, ctx } = slot;
  const many = kind === "checkbox";
  const initial = many
    ? { type: "checkboxes", selected_options: element.initial_options ?? [] }
    : { type: "radio_buttons", selected_option: element.initial_option ?? null };
  const entry = ctx.form.start(block.block_id, element.action_id, initial);
  const chosen = new Set((many ? entry.selected_options : [entry.selected_option]).filter(Boolean).map((one) => one.value));
  const name = `${slot.id ?? block.block_id}-${element.action_id}-${ctx.scope}`;
  const group = el("div", { class: "choices", role: many ? "group" : "radiogroup", "aria-label": slot.label, data: marks(slot) });
  const options = element.options ?? [];
  const boxes = options.map((option) => el("input", {
    type: kind, name, value: option.value, checked: chosen.has(option.value), data: { value: option.value },
  }));
  const changed = () => {
    const picked = options.filter((_, at) => boxes[at].checked);
    const value = many ? { selected_options: picked } : { selected_option: picked[0] ?? null };
    ctx.form.set(block.block_id, element.action_id, { type: element.type, ...value });
    send(slot, value, group);
  };
  boxes.forEach((box) => box.addEventListener("change", changed));
  return append(group, options.map((option, at) => el("label", { class: "choice" }, boxes[at],
    el("span", {}, optionNode(option, ctx)))));
}

/** A picture of this server; from anywhere else only its description, because the page fetches nothing else. */
export function picture(image, ctx, className) {
  const address = image.image_url ?? image.url;
  const own = address ? ownUrl(address) : null;
  const alt = image.alt_text ?? image.alt ?? "";
  if (own) return el("img", { class: className, src: own, alt, title: className === "thumb" ? alt : undefined });
  return el("span", { class: `picture-missing ${className}`, role: "img", "aria-label": alt }, icon("picture", 18),
    className === "thumb" ? null : alt);
}
