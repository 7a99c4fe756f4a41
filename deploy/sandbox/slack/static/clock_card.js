// The simulated clock: it runs, and it can be pushed.
import { clockSeconds, longDate } from "./dates.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";

const PUSHES = [["+15 min", 15 * 60_000], ["+1 h", 3_600_000], ["+1 day", 86_400_000]];

export class ClockCard {
  constructor(root, push) {
    this.time = el("div", { class: "clock-time", id: "clock", role: "timer", "aria-label": "Simulated time" });
    this.date = el("div", { class: "clock-date" });
    const buttons = PUSHES.map(([label, ms]) => {
      const node = el("button", { type: "button", class: "btn btn-push", data: { advanceMs: ms }, "aria-label": `Push the clock by ${label.slice(1)}` }, label);
      node.addEventListener("click", () => busyWhile(node, push(ms)));
      return node;
    });
    root.append(el("section", { class: "card clock-card", "aria-label": "Clock" },
      el("h2", {}, icon("clock", 16), "Clock"), el("div", { class: "clock-face" }, this.time, this.date),
      el("div", { class: "pushes" }, buttons)));
  }

  tick(now, zone) {
    const time = clockSeconds(now, zone);
    if (this.time.textContent !== time) this.time.textContent = time;
    const date = `${longDate(now, zone)}, ${zone.replaceAll("_", " ")}`;
    if (this.date.textContent !== date) this.date.textContent = date;
  }
}

/** Mark a control as busy until the promise settles. */
export async function busyWhile(node, promise) {
  node.setAttribute("aria-busy", "true");
  try {
    return await promise;
  } finally {
    node.removeAttribute("aria-busy");
  }
}
