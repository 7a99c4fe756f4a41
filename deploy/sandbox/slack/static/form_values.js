// What is typed and chosen in one message, modal or home, in the shape of Slack's state.values.

export class FormValues {
  constructor() {
    this.entries = new Map();
    this.drawn = new Set();
  }

  /** Start a redraw; fields that are not drawn again are dropped by `end`. */
  begin() {
    this.drawn.clear();
    return this;
  }

  /** The value kept for this field if its ids stayed the same, else `initial`. */
  start(block, action, initial) {
    const key = JSON.stringify([block, action]);
    this.drawn.add(key);
    const kept = this.entries.get(key);
    if (!kept || kept.entry.type !== initial.type) this.entries.set(key, { block, action, entry: initial });
    return this.entries.get(key).entry;
  }

  set(block, action, entry) {
    this.entries.set(JSON.stringify([block, action]), { block, action, entry });
  }

  end() {
    for (const key of [...this.entries.keys()]) if (!this.drawn.has(key)) this.entries.delete(key);
  }

  /** `{block_id: {action_id: {type, …}}}` */
  values() {
    const state = {};
    for (const { block, action, entry } of this.entries.values()) (state[block] ??= {})[action] = entry;
    return state;
  }
}
