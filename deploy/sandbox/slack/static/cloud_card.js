// The cloud's own view of the notebooks, and the switch that makes one busy or leaves it idle.
import { busyWhile } from "./clock_card.js";
import { duration } from "./dates.js";
import { el, keyed, replace } from "./dom.js";
import { icon } from "./icons.js";

const TONE = {
  RUNNING: "good", SNAPSHOTTING: "good", STARTING: "wait", CREATING: "wait", STOPPING: "wait", INIT: "wait", DELETING: "wait",
  STOPPED: "rest", DELETED: "rest", FROZEN: "rest", ERROR: "bad", START_FAILED: "bad", CREATE_FAILED: "bad", DELETE_FAILED: "bad",
};
const SOON_MS = 15 * 60_000;

export class CloudCard {
  constructor(root, switchTo) {
    this.switchTo = switchTo;
    this.list = el("div", { class: "notebooks" });
    this.empty = el("p", { class: "empty" }, "No notebooks yet. Create one with /notebook create and watch it start here.");
    this.total = el("span", { class: "card-count" });
    root.append(el("section", { class: "card", "aria-label": "Cloud" },
      el("h2", {}, icon("cloud", 16), "Cloud", el("span", { class: "card-sub" }, "ModelArts notebooks"), this.total), this.list, this.empty, this.account()));
    this.ends = new Map();
  }

  // What the linking page asks for. It is sample data: the simulated cloud knows nobody else.
  account() {
    this.whose = el("summary", {});
    this.fields = el("dl", {});
    this.sheet = el("details", { class: "account", hidden: true }, this.whose, this.fields);
    return this.sheet;
  }

  /** Show the cloud account of the person one acts as; null for people who have none. */
  showAccount(name, account) {
    this.sheet.hidden = !account;
    if (!account || this.whose.textContent.startsWith(`${name}'s `)) return;
    this.whose.textContent = `${name}'s cloud sign-in`;
    const rows = [["Account", account.domain], ["User", account.user], ["Password", account.password]];
    replace(this.fields, ...rows.map(([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, el("code", {}, value)))));
  }

  draw(notebooks, now) {
    const running = notebooks.filter((one) => one.status === "RUNNING").length;
    this.total.textContent = notebooks.length ? `${running} of ${notebooks.length} running` : "";
    this.empty.hidden = notebooks.length > 0;
    this.ends = new Map(notebooks.map((one) => [one.id, Number.isFinite(one.lease_left_s) ? now + one.lease_left_s * 1000 : null]));
    this.rows = keyed(this.list, notebooks, {
      key: (one) => one.id,
      print: (one) => JSON.stringify([one.name, one.owner, one.status, one.flavor, one.busy, one.lease_left_s === null]),
      render: (one) => this.row(one),
    });
    this.tick(now);
  }

  row(one) {
    const live = one.status === "RUNNING";
    const toggle = el("button", {
      type: "button", class: "switch", role: "switch", "aria-checked": one.busy ? "true" : "false", disabled: !live,
      data: { busy: one.id }, "aria-label": `${one.name} is busy`, title: one.busy ? "Leave it idle" : "Make it busy",
    }, el("span", { class: "switch-track" }, el("span", { class: "switch-knob" })), el("span", { class: "switch-text" }, one.busy ? "busy" : "idle"));
    toggle.addEventListener("click", () => busyWhile(toggle, this.switchTo(one.id, one.busy ? "idle" : "busy")));
    return el("div", { class: `notebook tone-${TONE[one.status] ?? "wait"}`, data: { notebook: one.id, name: one.name, status: one.status } },
      el("div", { class: "notebook-top" }, el("span", { class: "notebook-name", title: one.id }, one.name),
        el("span", { class: "pill" }, one.status.toLowerCase().replaceAll("_", " "))),
      el("div", { class: "notebook-mid" }, el("span", { class: "notebook-meta", title: `${one.owner} · ${one.flavor}` }, one.owner, " · ", el("span", { class: "flavor" }, one.flavor)),
        live ? toggle : null),
      live ? el("div", { class: "lease" }, el("span", { class: "lease-left" }), el("span", { class: "lease-bar", "aria-hidden": "true" }, el("span", { class: "lease-fill" }))) : null);
  }

  /** Move the countdowns on. */
  tick(now) {
    for (const [id, entry] of this.rows ?? []) {
      const text = entry.node.querySelector(".lease-left");
      if (!text) continue;
      const end = this.ends.get(id);
      const left = end === null || end === undefined ? null : end - now;
      text.textContent = left === null ? "no lease end" : left <= 0 ? "lease over" : `${duration(left)} left`;
      entry.node.classList.toggle("soon", left !== null && left < SOON_MS);
      const part = left === null ? 1 : Math.max(0, Math.min(1, left / (4 * 3_600_000)));
      entry.node.querySelector(".lease-fill").style.setProperty("width", `${Math.round(part * 100)}%`);
    }
  }
}
