// The table block: the first row is the header.
import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./rich_text.js";

const ALIGN = new Set(["left", "center", "right"]);

export function table(block, ctx) {
  const [head = [], ...rows] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  return el("div", { class: "table-scroll", role: "region", "aria-label": "Table", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((cell, at) => draw("th", cell, settings[at], ctx)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) => draw("td", cell, settings[at], ctx)))))));
}

function draw(tag, cell, setting, ctx) {
  const align = ALIGN.has(setting?.align) ? setting.align : cell?.type === "raw_number" ? "right" : "left";
  const wrap = setting?.is_wrapped ? " wrapped" : "";
  return el(tag, { class: `align-${align}${wrap}`, scope: tag === "th" ? "col" : undefined }, content(cell, ctx));
}

function content(cell, ctx) {
  if (cell?.type === "rich_text") return richText(cell, ctx);
  return withEmoji(String(cell?.text ?? cell?.value ?? ""));
}
