// Emoji: a small table of shortcodes. The ones this bot lives by are drawn, so that they look the same on every
// machine, also where no emoji font is installed; the others use the reader's font.
import { el, svg } from "./dom.js";

const CHARACTERS = {
  white_check_mark: "✅", heavy_check_mark: "✔", x: "❌", warning: "⚠", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", rocket: "🚀", bell: "🔔", bulb: "💡", moneybag: "💰", zzz: "💤",
  octagonal_sign: "🛑", stop_sign: "🛑", no_entry: "⛔", large_green_circle: "🟢", large_yellow_circle: "🟡",
  red_circle: "🔴", white_circle: "⚪", large_blue_circle: "🔵", lock: "🔒", key: "🔑", tada: "🎉", wave: "👋",
  eyes: "👀", chart_with_upwards_trend: "📈", bar_chart: "📊", computer: "💻", gear: "⚙", memo: "📝",
  information_source: "ℹ", question: "❓", house: "🏠", alarm_clock: "⏰", stopwatch: "⏱", link: "🔗",
  arrow_forward: "▶", double_vertical_bar: "⏸", black_square_for_stop: "⏹", rotating_light: "🚨", mag: "🔍",
  wastebasket: "🗑", sleeping: "😴", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", notebook: "📓",
  calendar: "📅", inbox_tray: "📥", raised_hand: "✋", pray: "🙏", sparkles: "✨", fire: "🔥", package: "📦",
};

const disc = (fill) => [["circle", { cx: 10, cy: 10, r: 7, fill }]];
const line = (d, stroke, width = 2) =>
  ["path", { d, stroke, "stroke-width": width, fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" }];
const shape = (d, fill) => ["path", { d, fill }];
const box = (fill) => ["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill }];
const glass = (sand) => [
  shape("M5.5 3h9v2.5c0 2.2-3.4 3-3.4 4.5s3.4 2.3 3.4 4.5V17h-9v-2.5c0-2.2 3.4-3 3.4-4.5S5.5 7.7 5.5 5.5Z", "#d8eef2"),
  ...sand, line("M4.5 3h11M4.5 17h11", "#8a5a2b", 2),
];

const DRAWN = {
  white_check_mark: [box("#2f9e62"), line("M6 10.4 8.9 13.2 14.2 7", "#fff", 2.2)],
  heavy_check_mark: [line("M4 10.5 8.3 15 16.2 5.5", "#2f9e62", 2.8)],
  x: [line("M4.5 4.5l11 11M15.5 4.5l-11 11", "#d8404f", 2.8)],
  warning: [shape("M10 2.4c.6 0 1.1.3 1.4.8l6.6 11.8c.6 1.1-.1 2.4-1.4 2.4H3.4c-1.3 0-2-1.3-1.4-2.4L8.6 3.2c.3-.5.8-.8 1.4-.8Z", "#f4b03e"), line("M10 7.2v4.2M10 14.4v.1", "#4b3509", 1.9)],
  hourglass: glass([shape("M6.3 16c.2-1.9 2.3-2.3 3.7-3.3 1.4 1 3.5 1.4 3.7 3.3Z", "#eda52c")]),
  hourglass_flowing_sand: glass([
    shape("M6.8 5.8h6.4c-.4 1.4-2.3 2-3.2 3.1-.9-1.1-2.8-1.7-3.2-3.1Z", "#eda52c"),
    shape("M7.2 16c.2-1.3 1.7-1.7 2.8-2.5 1.1.8 2.6 1.2 2.8 2.5Z", "#eda52c"), line("M10 9v4", "#eda52c", 1)]),
  octagonal_sign: [shape("M7 2.5h6L17.5 7v6L13 17.5H7L2.5 13V7Z", "#d8404f"), line("M7 10h6", "#fff", 2.2)],
  no_entry: [...disc("#d8404f"), line("M6.5 10h7", "#fff", 2.4)],
  large_green_circle: disc("#2f9e62"), red_circle: disc("#d8404f"), large_yellow_circle: disc("#f0b429"),
  large_blue_circle: disc("#2b7bd0"),
  white_circle: [["circle", { cx: 10, cy: 10, r: 6.3, fill: "#fff", stroke: "#a9b4b8", "stroke-width": 1.6 }]],
  bell: [shape("M10 2.5c.7 0 1.2.5 1.2 1.2 2.3.6 3.6 2.5 3.6 5 0 3 .7 4 1.7 5.1H3.5c1-1.1 1.7-2.1 1.7-5.1 0-2.5 1.3-4.4 3.6-5 0-.7.5-1.2 1.2-1.2Z", "#eda52c"), line("M8.5 16.2c.5 1 2.5 1 3 0", "#b9791a", 1.6)],
  bulb: [shape("M10 2.5a5.2 5.2 0 0 1 3.1 9.4c-.7.6-1 1.3-1 2.1H7.9c0-.8-.3-1.5-1-2.1A5.2 5.2 0 0 1 10 2.5Z", "#f5c64b"), line("M8 16h4M9 17.9h2", "#8e9aa0", 1.6)],
  moneybag: [shape("M7.6 5.8h4.8c2.4 1.8 4.1 4.6 4.1 7.4 0 2.8-2.1 4.3-6.5 4.3s-6.5-1.5-6.5-4.3c0-2.8 1.7-5.6 4.1-7.4Z", "#c98f2e"), shape("M7.2 2.7c1 .5 1.9-.4 2.8 0 .9-.4 1.8.5 2.8 0l-.9 2.4H8.1Z", "#a8731d"), line("M10 8.7v6M11.9 9.9c-1.4-1-3.7-.4-3.4.8.3 1.3 3.3.8 3.4 2.2.1 1.3-2.4 1.6-3.8.6", "#fff3d6", 1.2)],
  zzz: [line("M3.5 11.5h5l-5 5.5h5", "#2b7bd0", 1.9), line("M10.5 4h5.5l-5.5 6h5.5", "#4a97e3", 1.9)],
  rocket: [shape("M10.8 12.4 7.6 9.2C9 5.6 12 3 17 3c0 5-2.6 8-6.2 9.4Z", "#dfe7ea"), shape("M7.6 9.2 4 9.6l1.9-2.9 2.8-.3ZM10.8 12.4l-.4 3.6 2.9-1.9.3-2.8Z", "#d8404f"), ["circle", { cx: 13.2, cy: 6.8, r: 1.4, fill: "#2b7bd0" }], shape("M7 11.4 8.6 13c-1 1.9-2.7 2.7-5.1 3.5.8-2.4 1.6-4.1 3.5-5.1Z", "#eda52c")],
  lock: [shape("M4.5 9h11v8h-11Z", "#eda52c"), line("M7 9V6.5a3 3 0 0 1 6 0V9", "#8e9aa0", 1.9)],
  key: [["circle", { cx: 6.5, cy: 13.5, r: 3, fill: "none", stroke: "#d99a25", "stroke-width": 2.2 }], line("M8.8 11.2 16 4M13.5 6.5l2 2", "#d99a25", 2.2)],
  tada: [shape("M3 17 7 7l6 6Z", "#eda52c"), line("M11 5.5c.8-.8.8-1.9.4-2.8M14.5 9c.8-.8 1.9-.8 2.8-.4", "#2f9e62", 1.6), line("M14 5.5h.01M16.5 3.8h.01M16.2 12.5h.01M8.5 3.5h.01", "#d8404f", 2.2)],
  chart_with_upwards_trend: [box("#eef3f4"), line("M5 14l3.3-3.5 2.5 2L15.2 6", "#d8404f", 1.8)],
  bar_chart: [box("#eef3f4"), line("M6 14.5v-4", "#2f9e62", 2.2), line("M10 14.5v-8", "#2b7bd0", 2.2), line("M14 14.5v-6", "#eda52c", 2.2)],
  information_source: [box("#2b7bd0"), line("M10 9.3v4.7M10 6.2v.1", "#fff", 2.1)],
  arrow_forward: [box("#2b7bd0"), shape("M8 6.2 14 10l-6 3.8Z", "#fff")],
  double_vertical_bar: [box("#2b7bd0"), line("M8 7v6M12 7v6", "#fff", 2.1)],
  black_square_for_stop: [box("#2b7bd0"), shape("M7 7h6v6H7Z", "#fff")],
  alarm_clock: [...disc("#d8404f"), ["circle", { cx: 10, cy: 10, r: 5, fill: "#fff" }], line("M10 7.3V10l1.8 1.2", "#39434a", 1.3)],
  stopwatch: [...disc("#8e9aa0"), ["circle", { cx: 10, cy: 10, r: 5, fill: "#fff" }], line("M10 7.3V10l1.8 1.2", "#39434a", 1.3)],
  rotating_light: [shape("M4.5 14.5h11V17h-11Z", "#8e9aa0"), shape("M6 14V10a4 4 0 0 1 8 0v4Z", "#d8404f"), line("M10 2.5v1.3M4 5l1 1M16 5l-1 1", "#eda52c", 1.5)],
  memo: [shape("M4 2.5h9l3 3v12H4Z", "#eef3f4"), line("M6.5 7h5M6.5 10h7M6.5 13h4.5", "#7d8b91", 1.3)],
  notebook: [shape("M5 2.5h10.5v15H5Z", "#d8404f"), shape("M8 5h5.5v3H8Z", "#fff"), line("M4 5h2M4 8.3h2M4 11.6h2M4 15h2", "#39434a", 1.2)],
  computer: [shape("M3.5 4h13v9h-13Z", "#39434a"), shape("M4.8 5.3h10.4v6.4H4.8Z", "#7cc4ee"), shape("M2 14h16v1.8H2Z", "#aab5ba")],
  wave: [shape("M6 9.5 4.6 6.8c-.5-1 .9-1.7 1.4-.8l2 3.4-2-5c-.4-1 1.1-1.6 1.5-.6l2.2 4.8-1.3-5c-.3-1.1 1.3-1.5 1.6-.4l1.6 5 .1-2.5c0-1 1.5-1 1.6 0 .2 2 .5 3.7.1 5.7-.6 3.2-2.4 5-4.9 5-2.4 0-3.9-1.8-4.6-3.9-.5-1.5-1.3-2.9-2.1-4-.6-.9.8-1.6 1.4-.8Z", "#f3bd4e")],
  eyes: [["ellipse", { cx: 6, cy: 10, rx: 3.4, ry: 5, fill: "#fff", stroke: "#8e9aa0", "stroke-width": 1 }], ["ellipse", { cx: 14, cy: 10, rx: 3.4, ry: 5, fill: "#fff", stroke: "#8e9aa0", "stroke-width": 1 }], ["circle", { cx: 5, cy: 11, r: 1.7, fill: "#39434a" }], ["circle", { cx: 13, cy: 11, r: 1.7, fill: "#39434a" }]],
};

const byCharacter = new Map(Object.entries(CHARACTERS).filter(([name]) => DRAWN[name]).map(([name, c]) => [c, name]));
const drawnCharacters = new RegExp(`(${[...byCharacter.keys()].join("|")})\\uFE0F?`, "gu");

export const isEmoji = (name) => Object.hasOwn(CHARACTERS, name);

/** A node for a shortcode without colons; an unknown one stays as it was typed. */
export function emoji(name) {
  if (!isEmoji(name)) return document.createTextNode(`:${name}:`);
  if (DRAWN[name]) return drawn(name);
  return el("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " ") }, CHARACTERS[name]);
}

function drawn(name) {
  const art = svg("svg", { viewBox: "0 0 20 20", class: "emoji-art", focusable: "false", "aria-hidden": "true" },
    ...DRAWN[name].map(([tag, attributes]) => svg(tag, attributes)));
  return el("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, art);
}

/** Split text into text nodes and drawn emoji characters. */
export function withEmoji(text) {
  return text.split(drawnCharacters).map((piece) => (byCharacter.has(piece) ? drawn(byCharacter.get(piece)) : piece));
}

/** plain_text: shortcodes are replaced only where the text object allows it. */
export function plain(text, shortcodes = true) {
  if (!shortcodes) return withEmoji(text);
  return text.split(/:([a-z0-9_+-]+):/g).flatMap((piece, at) => {
    if (at % 2 === 0) return withEmoji(piece);
    return [emoji(piece)];
  });
}
