// Questions to Python and their answers: one question of a kind at a time, the newest wins, silence is noticed.

/**
 * Make the one place through which questions go out and answers come in.
 *
 * Answers may be late for as long as a cell computes. A question without an answer makes the exchange `busy` after
 * `busy_after_ms`; one that may be asked twice is then sent again, after twice the time each.
 *
 * @param {object} options
 * @param {function(object)} options.send sends a message, the content with its `id`
 * @param {function(): number} options.now ms
 * @param {function(number, function): function} options.later calls after so many ms; returns what cancels that
 * @param {number} [options.busy_after_ms]
 * @param {function(string)} [options.onerror] is told every error, in words
 * @param {function()} [options.onchange] after `pending`, `busy` or `latency_ms` changed
 * @returns {object} ask, newest, receive, close; pending, busy, latency_ms; onerror and onchange can be set
 */
export function makeExchange(options) {
  return new Exchange(options);
}

class Exchange {
  constructor({ send, now, later, busy_after_ms = 1500, onerror = () => {}, onchange = () => {} }) {
    Object.assign(this, { onerror, onchange, latency_ms: null });
    this.wire = { send, now, later, busy_after_ms };
    this.lastId = 0;
    this.open = new Map(); // every id under which a question was sent -> the question
    this.slots = new Map(); // kind -> {flying, waiting}
    this.overdue = new Set();
  }

  /** Number of questions without an answer. */
  get pending() {
    return new Set(this.open.values()).size;
  }

  /** Whether an answer takes longer than it should. */
  get busy() {
    return this.overdue.size > 0;
  }

  /**
   * Ask once; rejected with an Error where Python answers with one, which `onerror` is told as well.
   *
   * @param {object} content
   * @param {{again?: boolean}} options whether the question may be sent twice: not where it changes something
   * @returns {Promise<{content: object, buffers: Array}>}
   */
  ask(content, { again = false } = {}) {
    const promise = new Promise((resolve, reject) => {
      this.#put({ content, again, done: (answer, buffers) => resolve({ content: answer, buffers }), failed: reject });
    });
    promise.catch(() => {}); // who does not look at it has been told by onerror
    return promise;
  }

  /**
   * Ask when the last question of this kind is answered; of those that wait, only the newest is ever sent.
   *
   * @param {string} kind
   * @param {object} content
   * @param {function(object, Array)} done takes content and buffers of the answer
   */
  newest(kind, content, done) {
    const slot = this.slots.get(kind) ?? { flying: null, waiting: null };
    this.slots.set(kind, slot);
    slot.waiting = { content, done, again: true, slot, failed: () => {} };
    if (slot.flying === null) this.#next(slot);
  }

  /**
   * Take a message of Python's.
   *
   * @param {object} content
   * @param {Array} buffers
   * @returns {boolean} whether it was an answer, or an error; what Python says unasked is for others
   */
  receive(content, buffers = []) {
    const isError = content.type === "error";
    if (content.id === undefined || content.id === null) {
      if (isError) this.onerror(content.text);
      return isError;
    }
    const question = this.open.get(content.id);
    if (question !== undefined) this.#answered(question, content, buffers);
    return true;
  }

  /** Wait for nothing any more. */
  close() {
    for (const question of new Set(this.open.values())) {
      this.#drop(question);
      question.failed(new Error("closed"));
    }
    this.slots.clear();
  }

  #next(slot) {
    [slot.flying, slot.waiting] = [slot.waiting, null];
    if (slot.flying !== null) this.#put(slot.flying);
  }

  #put(question) {
    question.ids = [];
    question.wait_ms = this.wire.busy_after_ms;
    this.#send(question);
    this.onchange();
  }

  #send(question) {
    const id = ++this.lastId;
    question.ids.push(id);
    question.sent ??= this.wire.now();
    this.open.set(id, question);
    question.cancel = this.wire.later(question.wait_ms, () => this.#silent(question));
    try {
      this.wire.send({ ...question.content, id });
    } catch (error) {
      this.#answered(question, { type: "error", text: `this could not be sent: ${error.message}` }, []);
    }
  }

  #silent(question) {
    this.overdue.add(question);
    if (question.slot?.waiting) {
      this.#supersede(question);
    } else if (question.again) {
      question.wait_ms *= 2;
      this.#send(question);
    }
    this.onchange();
  }

  // Busy goes on from the one to the other: nothing was answered in between
  #supersede(question) {
    const { slot } = question;
    this.#drop(question);
    slot.waiting.wait_ms = 2 * question.wait_ms;
    slot.flying = slot.waiting;
    slot.waiting = null;
    slot.flying.ids = [];
    this.overdue.add(slot.flying);
    this.#send(slot.flying);
  }

  #drop(question) {
    question.cancel?.();
    question.ids.forEach((id) => this.open.delete(id));
    this.overdue.delete(question);
  }

  #answered(question, content, buffers) {
    this.#drop(question);
    this.latency_ms = this.wire.now() - question.sent;
    if (question.slot) this.#next(question.slot);
    try {
      if (content.type === "error") this.#fail(question, content.text);
      else question.done(content, buffers);
    } finally {
      this.onchange();
    }
  }

  #fail(question, text) {
    this.onerror(text);
    question.failed(new Error(text));
  }
}
