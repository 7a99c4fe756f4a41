// Block Kit layout blocks -> DOM.
import { el } from "./dom.js";
import { picture, plainText, renderElement } from "./elements.js";
import { mrkdwn, paragraph, textObject } from "./mrkdwn.js";
import { richText } from "./rich_text.js";
import { table } from "./table.js";

const RENDER = {
  section,
  header: (block, ctx) => el("h3", { class: "heading" }, textObject(block.text, ctx)),
  divider: () => el("hr", { class: "rule" }),
  context,
  actions,
  image,
  input,
  rich_text: richText,
  table,
  markdown: (block, ctx) => el("div", { class: "text" }, mrkdwn(block.text ?? "", ctx)),
};

/** Draw a list of blocks; `ctx.form` remembers the fields, `ctx.errors` holds texts by block id. */
export function renderBlocks(blocks, ctx) {
  ctx.form.begin();
  const nodes = (blocks ?? []).filter(Boolean).map((block) => one(block, ctx));
  ctx.form.end();
  return el("div", { class: "blocks" }, nodes);
}

function one(block, ctx) {
  const render = RENDER[block.type];
  const content = render ? render(block, ctx) : el("div", { class: "unknown" }, `The block type “${block.type}” is not drawn here.`);
  return el("div", { class: `block block-${render ? block.type : "unknown"}`, data: { blockId: block.block_id, blockType: block.type } }, content);
}

function slotFor(element, block, ctx, label) {
  return { element, block, ctx, dispatches: true, label: element?.accessibility_label || plainText(element?.placeholder) || label };
}

function section(block, ctx) {
  const label = plainText(block.text).replace(/[*_~`]/g, "").slice(0, 75) || "Choice";
  const body = el("div", { class: "section-body" },
    block.text ? paragraph(block.text, ctx) : null,
    block.fields?.length ? el("div", { class: "fields" }, block.fields.map((field) => paragraph(field, ctx, "text field-text"))) : null);
  if (!block.accessory) return body;
  return el("div", { class: "section" }, body,
    el("div", { class: `accessory accessory-${block.accessory.type}` }, renderElement(slotFor(block.accessory, block, ctx, label))));
}

function context(block, ctx) {
  return el("div", { class: "context" }, (block.elements ?? []).map((element) => (element.type === "image"
    ? picture(element, ctx, "context-image") : el("span", { class: "context-text" }, textObject(element, ctx)))));
}

function actions(block, ctx) {
  const elements = (block.elements ?? []).map((element) => renderElement(slotFor(element, block, ctx, "Choice")));
  return el("div", { class: "actions" }, elements);
}

function image(block, ctx) {
  const title = block.title ? el("figcaption", {}, textObject(block.title, ctx)) : null;
  return el("figure", { class: "figure" }, title, picture(block, ctx, "large"));
}

function input(block, ctx) {
  const { element } = block;
  const id = `f-${ctx.scope}-${block.block_id}-${element.action_id}`.replace(/[^\w-]/g, "_");
  const error = ctx.errors?.[block.block_id];
  const described = [block.hint ? `${id}-hint` : null, error ? `${id}-error` : null].filter(Boolean).join(" ") || undefined;
  const slot = { element, block, ctx, id, dispatches: block.dispatch_action === true, label: plainText(block.label), describedBy: described };
  const grouped = ["checkboxes", "radio_buttons"].includes(element.type);
  return el("div", { class: `input${error ? " has-error" : ""}` },
    el(grouped ? "div" : "label", { class: "label", for: grouped ? undefined : id }, textObject(block.label, ctx),
      block.optional ? el("span", { class: "optional" }, " (optional)") : null),
    renderElement(slot),
    error ? el("div", { class: "field-error", id: `${id}-error`, role: "alert" }, error) : null,
    block.hint ? el("div", { class: "hint", id: `${id}-hint` }, textObject(block.hint, ctx)) : null);
}
