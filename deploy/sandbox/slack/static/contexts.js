// What a renderer may know and do: people, the clock, the fields of its container, and how an action is sent.
import { api } from "./api.js";
import { busyWhile } from "./clock_card.js";
import { confirmDialog } from "./confirm.js";
import { FormValues } from "./form_values.js";
import { messageKey } from "./messages.js";
import { showRaw } from "./raw.js";

export class Contexts {
  /** `sandbox`: state, user, now(), report(answer), refresh(). */
  constructor(sandbox) {
    this.sandbox = sandbox;
    this.forms = new Map();
    this.errors = new Map();
    this.numbers = new Map();
  }

  base() {
    const { sandbox } = this;
    const { state } = sandbox;
    const me = state.users.find((one) => one.id === sandbox.user) ?? state.users[0];
    return {
      users: state.users.filter((one) => one.role !== "bot"), channels: state.channels, me, botId: state.bot_id, now: () => sandbox.now(),
      showRaw: (value) => showRaw(value, "Message as JSON"),
      forMessage: (channel, message) => this.forMessage(channel, message),
      forView: (view) => this.forView(view),
      errorsOf: (view) => this.errorsOf(view),
    };
  }

  forMessage(channel, message) {
    return this.within(`message/${messageKey(channel, message)}`, { type: "message", channel, ts: message.ts }, null);
  }

  forView(view) {
    return this.within(`view/${view.id}`, { type: "view", view_id: view.id }, this.errorsOf(view));
  }

  /** Errors stand as long as the view is the one they were given for. */
  errorsOf(view) {
    const held = this.errors.get(view.id);
    if (held && held.hash === view.hash) return held.texts;
    return view.errors && Object.keys(view.errors).length ? view.errors : null;
  }

  setErrors(view, texts) {
    if (texts) this.errors.set(view.id, { hash: view.hash, texts });
    else this.errors.delete(view.id);
  }

  formOf(viewId) {
    return this.form(`view/${viewId}`);
  }

  form(place) {
    const key = `${this.sandbox.user}/${place}`;
    if (!this.forms.has(key)) this.forms.set(key, new FormValues());
    return this.forms.get(key);
  }

  within(place, container, errors) {
    const base = this.base();
    const form = this.form(place);
    const ctx = { ...base, container, errors, form, scope: this.number(place) };
    ctx.fire = (slot, extra, node) => this.fire(ctx, slot, extra, node);
    ctx.suggest = (slot, query) => api.suggest({
      user: base.me.id, view_id: container.view_id ?? null, container, block_id: slot.block.block_id, action_id: slot.element.action_id, query,
    });
    return ctx;
  }

  // Ids in the page are numbers, so that nothing of a payload is needed to build them.
  number(place) {
    if (!this.numbers.has(place)) this.numbers.set(place, this.numbers.size + 1);
    return this.numbers.get(place);
  }

  /** Send an action; false if the person declined its confirmation. */
  async fire(ctx, slot, extra, node) {
    if (slot.element.confirm && !(await confirmDialog(slot.element.confirm, ctx))) return false;
    const body = {
      user: ctx.me.id, container: ctx.container, block_id: slot.block.block_id, action_id: slot.element.action_id,
      ...extra, state: ctx.form.values(),
    };
    const answer = await busyWhile(node, api.action(body));
    this.sandbox.report(answer);
    return true;
  }
}
