// How fast the bot acknowledged each request, and what the simulated Slack found wrong.
import { clockSeconds } from "./dates.js";
import { el, keyed } from "./dom.js";
import { icon } from "./icons.js";

export const DEADLINE_MS = 3000;
const SHOWN = 40;

export class TrafficCard {
  constructor(root) {
    this.list = el("div", { class: "traffic", id: "traffic" });
    this.empty = el("p", { class: "empty" }, "Every request to the bot shows here with the time of its answer. Slack gives up after 3000 ms.");
    this.findings = el("div", { class: "findings", id: "findings" });
    this.clean = el("p", { class: "empty" }, "Nothing to complain about: blocks and calls keep Slack's limits.");
    this.worst = el("span", { class: "card-count" });
    root.append(
      el("section", { class: "card", "aria-label": "Requests" }, el("h2", {}, icon("pulse", 16), "Requests", el("span", { class: "card-sub" }, "to the bot"), this.worst), this.list, this.empty),
      el("section", { class: "card", "aria-label": "Findings" }, el("h2", {}, icon("flag", 16), "Findings", el("span", { class: "card-sub" }, "of Slack's rules")), this.findings, this.clean));
  }

  draw({ traffic, findings, zone }) {
    const shown = traffic.map((row, at) => ({ ...row, at })).slice(-SHOWN).reverse();
    this.empty.hidden = shown.length > 0;
    const times = traffic.map((row) => row.ack_ms).filter(Number.isFinite);
    this.worst.textContent = times.length ? `slowest ${Math.round(Math.max(...times))} ms` : "";
    keyed(this.list, shown, {
      key: (row) => `${row.at}/${row.at_ms}`, print: (row) => JSON.stringify([row, zone]), render: (row) => trafficRow(row, zone),
    });
    this.clean.hidden = findings.length > 0;
    keyed(this.findings, findings.map((one, at) => ({ one, at })), {
      key: ({ at }) => String(at), print: ({ one }) => JSON.stringify(one), render: ({ one }) => finding(one),
    });
  }
}

function trafficRow(row, zone) {
  const late = row.note === "operation_timeout" || (Number.isFinite(row.ack_ms) && row.ack_ms >= DEADLINE_MS);
  const bad = late || row.ok === false;
  const time = Number.isFinite(row.ack_ms) ? `${Math.round(row.ack_ms)} ms` : late ? "too late" : "no answer";
  const part = Math.min(1, (row.ack_ms ?? DEADLINE_MS) / DEADLINE_MS);
  return el("div", { class: `request${late ? " late" : ""}${bad ? " bad" : ""}`, data: { ackMs: row.ack_ms, ok: row.ok, label: row.label }, title: row.note || undefined },
    el("span", { class: "request-time" }, clockSeconds(row.at_ms, zone)),
    el("span", { class: "request-label" }, row.label),
    el("span", { class: "request-status" }, row.status ? String(row.status) : "—"),
    el("span", { class: "request-ack" }, time),
    el("span", { class: "request-bar", "aria-hidden": "true" }, el("span", { css: { width: `${Math.max(2, Math.round(part * 100))}%` } })),
    bad && row.note ? el("span", { class: "request-note" }, row.note) : null);
}

function finding(one) {
  if (typeof one === "string") return el("div", { class: "finding" }, one);
  const text = one.message ?? one.text ?? one.note ?? JSON.stringify(one);
  const where = [one.where, one.pointer].filter(Boolean).join(" ");
  return el("div", { class: `finding${one.severity === "error" ? " finding-error" : ""}`, data: { code: one.code } }, el("span", {}, String(text)), where ? el("code", {}, String(where)) : null);
}
