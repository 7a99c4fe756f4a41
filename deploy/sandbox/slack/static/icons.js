// Line icons and the two marks, as SVG nodes: no icon font, no request.
import { svg } from "./dom.js";

const LINES = {
  hash: "M8 3 6.5 17M13.5 3 12 17M4 7.5h13M3 12.5h13",
  send: "M3 10 17 3.5 13 17l-3.2-5.2L3 10Zm6.8 1.8L17 3.5",
  eye: "M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10Zm8 2.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8Z",
  close: "M5 5l10 10M15 5 5 15",
  chevron: "M6 8l4 4 4-4",
  check: "M4.5 10.5 8.5 14.5 15.5 6",
  home: "M3 9.5 10 3.5l7 6V16a1 1 0 0 1-1 1h-3.5v-5h-5v5H4a1 1 0 0 1-1-1V9.5Z",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  code: "M7 6 3 10l4 4M13 6l4 4-4 4",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-11v4.2l2.6 1.8",
  cloud: "M6 15.5h8.3a3.2 3.2 0 0 0 .4-6.4 4.8 4.8 0 0 0-9.2-.6A3.6 3.6 0 0 0 6 15.5Z",
  pulse: "M2.5 10h3.2l2-5 4 10 2.2-5h3.6",
  flag: "M5 17V3.5h9.5l-2 3.5 2 3.5H5",
  link: "M8.5 11.5l3-3M9.5 6.5l1.2-1.2a3 3 0 0 1 4.2 4.2l-1.2 1.2M10.5 13.5l-1.2 1.2a3 3 0 0 1-4.2-4.2l1.2-1.2",
  search: "M9 14.5A5.5 5.5 0 1 0 9 3.5a5.5 5.5 0 0 0 0 11Zm4-1.5 4 4",
  calendar: "M4 5.5h12v11H4zM4 9h12M7.5 3.5v3M12.5 3.5v3",
  picture: "M3.5 4.5h13v11h-13zM3.5 13l3.6-3.6 3 3 2.4-2.4 4 4M13 8h.01",
};

export function icon(name, size = 18) {
  return svg("svg", {
    viewBox: "0 0 20 20", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": name === "more" ? 2.6 : 1.6, "stroke-linecap": "round", "stroke-linejoin": "round",
    "aria-hidden": "true", focusable: "false",
  }, svg("path", { d: LINES[name] }));
}

/** leasebot's face: an hourglass whose sand is a running notebook. */
export function botMark(size = 36) {
  return svg("svg", { viewBox: "0 0 36 36", width: size, height: size, "aria-hidden": "true", focusable: "false" },
    svg("rect", { width: 36, height: 36, rx: 9, fill: "#0b5d57" }),
    svg("rect", { x: 0.5, y: 0.5, width: 35, height: 35, rx: 8.5, fill: "none", stroke: "#ffffff", "stroke-opacity": 0.12 }),
    svg("path", { d: "M11 8.5h14M11 27.5h14", stroke: "#f7f3e8", "stroke-width": 2.6, "stroke-linecap": "round" }),
    svg("path", {
      d: "M13 9v3.4c0 2.6 5 4 5 5.6s-5 3-5 5.6V27h10v-3.4c0-2.6-5-4-5-5.6s5-3 5-5.6V9Z",
      fill: "#0e746c", stroke: "#f7f3e8", "stroke-width": 1.8, "stroke-linejoin": "round",
    }),
    svg("path", { d: "M14.8 12.6h6.4c-.6 1.6-2.4 2.5-3.2 3.6-.8-1.1-2.6-2-3.2-3.6Z", fill: "#f4b03e" }),
    svg("path", { d: "M14.2 26c.2-2.6 2.4-3.4 3.8-4.6 1.4 1.2 3.6 2 3.8 4.6Z", fill: "#f4b03e" }),
  );
}
