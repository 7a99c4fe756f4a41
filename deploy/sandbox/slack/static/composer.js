// Where commands are typed. Enter sends; "/" offers examples.
import { el, replace } from "./dom.js";
import { icon } from "./icons.js";

const examples = (name) => [
  ["list", "your notebooks and what they cost"],
  ["create", "a new notebook, step by step"],
  [`extend ${name} 2h`, "more time before the lease ends"],
  ["cost", "figures and a chart"],
  ["help", "everything else"],
];

export class Composer {
  /** `send(text)` gets the command's text without the command; `notebook()` names one for the examples. */
  constructor(root, { send, notebook }) {
    this.send = send;
    this.notebook = notebook;
    this.command = "/notebook";
    this.drafts = new Map();
    this.active = 0;
    this.field = el("textarea", {
      id: "composer", class: "composer-field", rows: 1, autocomplete: "off", spellcheck: "false",
      "aria-label": "Message", "aria-autocomplete": "list", "aria-controls": "command-list",
    });
    this.menu = el("div", { class: "command-list", id: "command-list", role: "listbox", "aria-label": "Commands", hidden: true });
    this.hint = el("div", { class: "local-hint", role: "status", hidden: true });
    this.button = el("button", { type: "button", class: "send", "aria-label": "Send", on: { click: () => this.submit() } }, icon("send"));
    this.slash = el("button", { type: "button", class: "slash", "aria-label": "Show commands", on: { click: () => this.offer() } }, "/");
    root.append(this.menu, this.hint, el("div", { class: "composer" }, this.field, el("div", { class: "composer-foot" }, this.slash,
      el("span", { class: "composer-keys" }, kbd("Enter"), " sends  ", kbd("/"), " shows commands"), this.button)));
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("keydown", (event) => this.keys(event));
    this.field.addEventListener("blur", () => setTimeout(() => this.closeMenu(), 150));
    this.typed();
  }

  /** Show the draft of this conversation. */
  open(place, label, command) {
    this.command = command;
    this.field.placeholder = `Message ${label}. Try ${command} list`;
    if (this.place === place) return;
    if (this.place) this.drafts.set(this.place, this.field.value);
    this.place = place;
    this.field.value = this.drafts.get(place) ?? "";
    this.say(null);
    this.closeMenu();
    this.fit();
  }

  typed() {
    this.fit();
    this.say(null);
    const text = this.field.value;
    const lead = `${this.command} `;
    const wanted = text.startsWith(lead) ? text.slice(lead.length) : null;
    if (text && (this.command.startsWith(text.trim()) || wanted !== null)) this.offerFor(wanted ?? "");
    else this.closeMenu();
  }

  fit() {
    this.field.style.setProperty("height", "auto");
    this.field.style.setProperty("height", `${Math.min(this.field.scrollHeight, 140)}px`);
    this.button.disabled = !this.field.value.trim();
  }

  offer() {
    if (!this.field.value) this.field.value = "/";
    this.field.focus();
    this.typed();
  }

  offerFor(begun) {
    const rows = examples(this.notebook()).filter(([text]) => text.startsWith(begun) && text !== begun);
    this.active = 0;
    this.menu.hidden = !rows.length;
    replace(this.menu, rows.length ? el("div", { class: "command-title" }, "Commands of leasebot") : null, rows.map(([text, about], at) => el("div", {
      class: "command", role: "option", "aria-selected": at === 0 ? "true" : "false", data: { command: text },
      on: { mousedown: (event) => { event.preventDefault(); this.take(text); } },
    }, el("code", {}, `${this.command} ${text}`), el("span", {}, about))));
  }

  options() {
    return this.menu.hidden ? [] : [...this.menu.querySelectorAll(".command")];
  }

  closeMenu() {
    this.menu.hidden = true;
  }

  take(text) {
    this.field.value = `${this.command} ${text}`;
    this.closeMenu();
    this.fit();
    this.field.focus();
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
  }

  keys(event) {
    const options = this.options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && options.length) this.move(options, step);
    else if (event.key === "Tab" && options.length) this.take(options[this.active].dataset.command);
    else if (event.key === "Escape" && options.length) this.closeMenu();
    else if (event.key === "Enter" && !event.shiftKey) this.enter(options);
    else return;
    event.preventDefault();
  }

  move(options, step) {
    this.active = (this.active + step + options.length) % options.length;
    this.moved = true;
    options.forEach((one, at) => one.setAttribute("aria-selected", at === this.active ? "true" : "false"));
  }

  // Enter takes an example only if the line is not a command yet or one was chosen with the arrows.
  enter(options) {
    const begun = this.field.value.trim();
    const choosing = options.length && (this.moved || this.command.startsWith(begun));
    this.moved = false;
    if (choosing && begun !== this.command) this.take(options[this.active].dataset.command);
    else if (choosing && this.active > 0) this.take(options[this.active].dataset.command);
    else this.submit();
  }

  submit() {
    const text = this.field.value.trim();
    if (!text) return;
    const [first] = text.split(/\s/, 1);
    if (first !== this.command) return this.explain(text);
    this.field.value = "";
    this.closeMenu();
    this.fit();
    this.send(text.slice(first.length).trim());
  }

  explain(text) {
    const what = text.startsWith("/") ? `leasebot does not know ${text.split(/\s/, 1)[0]}.` : "leasebot does not read the conversation.";
    this.say([`${what} It listens to `, el("code", {}, this.command), ", for example ",
      el("button", { type: "button", class: "link-button", on: { click: () => this.take("list") } }, `${this.command} list`), "."]);
  }

  say(content) {
    this.hint.hidden = !content;
    if (content) replace(this.hint, icon("eye", 15), el("span", {}, content));
  }
}

const kbd = (text) => el("kbd", {}, text);
