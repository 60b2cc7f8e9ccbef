// Questions to the model, and who says what went wrong.

/** Asks a question and returns its answer; what went wrong is shown above the page, and undefined returned. */
export async function ask(question, words = {}) {
  const error = document.getElementById("error");
  try {
    const reply = await fetch(question, {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify(words),
    });
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.error);
    error.hidden = true;
    return answer;
  } catch (failure) {
    const gone = failure instanceof TypeError;
    error.textContent = gone ? "The server does not answer. Was it stopped? Start `unbraid explore` again." : failure.message;
    error.hidden = false;
    return undefined;
  }
}

/** Runs what is asked for one at a time: of requests that come while one runs only the last is run after it. */
export class Latest {
  #running = false;
  #next = null;

  async run(work) {
    this.#next = work;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#next) {
        const now = this.#next;
        this.#next = null;
        await now();
      }
    } finally {
      this.#running = false;
    }
  }
}
