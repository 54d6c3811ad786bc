// Find in a log of any size: the bytes stream through, only the numbers of the lines that match are kept.
const HIT_LIMIT = 10000;

class Find {
  constructor(view) {
    this.view = view;
    this.input = $('#find');
    this.output = $('#found');
    this.hits = [];
    this.at = -1;
    this.input.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.run(), 150);
    });
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        this.step(event.shiftKey ? -1 : 1);
      } else if (event.key === 'Escape') {
        this.input.value = '';
        this.run();
        this.view.pane.focus();
      }
    });
  }

  async run() {
    this.stop?.abort();
    this.hits = [];
    this.at = -1;
    this.view.needle = this.input.value.toLowerCase();
    this.view.hit = null;
    this.view.draw();
    this.output.textContent = '';
    if (!this.view.needle || !this.view.log?.bytes) return;
    this.stop = new AbortController();
    try {
      await this.scan(this.view.log, this.view.needle, this.stop.signal);
      this.show(true);
    } catch (error) {
      if (error.name !== 'AbortError') this.output.textContent = 'cannot be read';
    }
  }

  async scan(log, needle, signal) {
    const answer = await fetch(log.range(0, log.bytes), { signal });
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    let line = 1, rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      const lines = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split('\n');
      rest = done ? '' : lines.pop();
      for (const text of lines) {
        if (stripped(overwritten(text)).toLowerCase().includes(needle)) this.hits.push(line);
        line += 1;
      }
      if (this.at < 0 && this.hits.length) this.step(1);
      this.show(done);
      if (done) return;
      if (this.hits.length >= HIT_LIMIT) {
        reader.cancel();
        return;
      }
    }
  }

  show(done) {
    const more = this.hits.length >= HIT_LIMIT || !done ? '+' : '';
    write(this.output, this.hits.length ? `${this.at + 1} of ${this.hits.length}${more}` : done ? 'not found' : '…');
  }

  step(by) {
    if (!this.hits.length) return;
    this.at = (this.at + by + this.hits.length) % this.hits.length;
    this.view.follow(false);
    this.view.hit = this.hits[this.at];
    this.view.scrollToLine(this.view.hit);
    this.show(true);
  }
}
