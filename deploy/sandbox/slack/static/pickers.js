// Date and time fields: the browser's own pickers, values in Slack's forms.
import { unixToWall, wallToUnix } from "./dates.js";
import { el } from "./dom.js";
import { marks, send } from "./elements.js";

function picker(slot, { type, field, initial, toText, toValue }) {
  const { element, block, ctx } = slot;
  const keep = (value) => ctx.form.set(block.block_id, element.action_id, { type: element.type, [field]: value });
  const entry = ctx.form.start(block.block_id, element.action_id, { type: element.type, [field]: initial ?? null });
  const node = el("input", {
    type, class: "field field-when", id: slot.id, data: marks(slot), "aria-label": slot.id ? undefined : slot.label,
    "aria-describedby": slot.describedBy, value: entry[field] === null ? "" : toText(entry[field]),
  });
  node.addEventListener("change", () => {
    const value = node.value === "" ? null : toValue(node.value);
    keep(value);
    send(slot, { [field]: value }, node);
  });
  return node;
}

const same = (value) => value;

export const datePicker = (slot) => picker(slot, {
  type: "date", field: "selected_date", initial: slot.element.initial_date, toText: same, toValue: same,
});

export const timePicker = (slot) => picker(slot, {
  type: "time", field: "selected_time", initial: slot.element.initial_time, toText: same, toValue: same,
});

/** Shown in the reader's zone, sent as unix seconds. */
export function dateTimePicker(slot) {
  const zone = slot.ctx.me?.tz ?? "UTC";
  return picker(slot, {
    type: "datetime-local", field: "selected_date_time", initial: slot.element.initial_date_time,
    toText: (seconds) => unixToWall(seconds, zone), toValue: (wall) => wallToUnix(wall.slice(0, 16), zone),
  });
}
