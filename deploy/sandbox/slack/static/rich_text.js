// rich_text blocks: sections, lists, quotes and preformatted text.
import { el } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { channelMention, date, link, userMention } from "./mrkdwn.js";

const WRAP = [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"]];

export function richText(block, ctx) {
  return el("div", { class: "rich-text" }, gather(block.elements ?? []).map((one) => part(one, ctx)));
}

// Lists of different indents follow each other as separate elements; each keeps its own indent.
const gather = (elements) => elements.filter((one) => one && typeof one === "object");

function part(element, ctx) {
  switch (element.type) {
    case "rich_text_section": return el("div", { class: "rich-section" }, inlines(element, ctx));
    case "rich_text_quote": return el("blockquote", {}, inlines(element, ctx));
    case "rich_text_preformatted": return el("pre", { class: "code-block" }, inlines(element, ctx));
    case "rich_text_list": return list(element, ctx);
    default: return el("div", { class: "unknown" }, `rich text: ${element.type}`);
  }
}

function list(element, ctx) {
  const ordered = element.style === "ordered";
  const items = (element.elements ?? []).map((item) => el("li", {}, inlines(item, ctx)));
  const indent = Math.min(8, Number(element.indent) || 0);
  return el(ordered ? "ol" : "ul", {
    class: `rich-list depth-${indent % 3}${element.border ? " bordered" : ""}`,
    start: ordered && element.offset ? Number(element.offset) + 1 : undefined,
    css: { "margin-left": `${indent * 22}px` },
  }, items);
}

const inlines = (element, ctx) => (element.elements ?? []).map((one) => styled(one, one.style, ctx));

function styled(element, style, ctx) {
  let node = inline(element, ctx);
  for (const [name, tag] of WRAP) if (style?.[name]) node = el(tag, {}, node);
  return node;
}

function inline(element, ctx) {
  switch (element.type) {
    case "text": return withEmoji(element.text ?? "");
    case "link": return link(element.url, element.text) ?? (element.text || element.url);
    case "user": return userMention(element.user_id, ctx);
    case "channel": return channelMention(element.channel_id, ctx);
    case "usergroup": return el("span", { class: "mention" }, "@group");
    case "broadcast": return el("span", { class: "mention mention-loud" }, `@${element.range}`);
    case "emoji": return emoji(element.name);
    case "date": return date(element.timestamp, element.format ?? "{date_short_pretty} at {time}", element.fallback ?? "", ctx);
    case "color": return el("code", {}, element.value ?? "");
    default: return element.text ?? "";
  }
}
