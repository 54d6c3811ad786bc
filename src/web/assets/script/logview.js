// The log of the chosen lane: only the lines in sight are in the page.
const ROW = 20;                // pixels of a line
const TALL = 1.5e7;            // browsers forget pixels beyond about 17 million
const BEYOND = 20;             // lines kept above and below what is seen

class LogView {
  constructor(root) {
    this.base = root.dataset.base;
    this.pane = $('#pane');
    this.space = $('#space');
    this.rows = $('#rows');
    this.shown = new Map();
    this.log = null;
    this.following = false;
    this.marked = null;
    this.needle = '';
    this.set = -1;
    this.pane.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.pane);
  }

  height() { return (this.log?.lines || 0) * ROW + 16; }
  sight() { return this.pane.clientHeight; }

  // Where the sight begins, in pixels of the whole log. Beyond TALL a pixel of the scroll bar is several of the log.
  top() {
    const full = this.height(), shownHeight = Math.min(full, TALL), room = shownHeight - this.sight();
    return room <= 0 ? 0 : this.pane.scrollTop * (full - this.sight()) / room;
  }

  scrollToPixel(pixel) {
    const full = this.height(), shownHeight = Math.min(full, TALL);
    this.space.style.height = `${shownHeight}px`;
    const reach = full - this.sight();
    pixel = Math.max(0, Math.min(pixel, reach));
    this.pane.scrollTop = reach <= 0 ? 0 : pixel * (shownHeight - this.sight()) / reach;
    this.set = this.pane.scrollTop;
    this.draw();
  }

  scrollToLine(line) { this.scrollToPixel((line - 1) * ROW - this.sight() * 0.3); }
  // Scrolls only if the line is out of sight: a click on its number leaves everything where it is.
  reveal(line) {
    const from = this.top(), at = (line - 1) * ROW + 8;
    if (at >= from && at + ROW <= from + this.sight()) {
      this.draw();
      return;
    }
    this.follow(false);
    this.scrollToLine(line);
  }

  scrollToEnd() { this.scrollToPixel(Infinity); }

  scrolled() {
    if (Math.abs(this.pane.scrollTop - this.set) > 2) {
      this.set = -1;
      const bottom = this.pane.scrollTop + this.sight() >= this.pane.scrollHeight - ROW;
      this.follow(bottom && this.running());
    }
    this.draw();
  }

  running() { return this.lane?.dataset.state === 'run'; }

  follow(on) {
    this.following = on;
    $('#follow').setAttribute('aria-pressed', String(on));
    if (on) this.scrollToEnd();
  }

  async open(log) {
    this.log = log;
    this.errorAt = null;
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    log.grew = () => this.grew();
    try {
      await log.load();
    } catch (error) {
      if (this.log === log) complain(`The log cannot be read: ${error.message}.`);
    }
    return this.log === log;
  }

  grew() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      const top = this.top();
      if (this.following) this.scrollToEnd(); else if (this.height() > TALL) this.scrollToPixel(top); else this.draw();
    });
  }

  draw() {
    const log = this.log;
    if (!log) return;
    this.space.style.height = `${Math.min(this.height(), TALL)}px`;
    this.rows.style.setProperty('--digits', String(log.lines).length);
    this.pane.style.setProperty('--h', `${Math.min(this.height() + 14, 4000)}px`);
    const top = this.top();
    const first = Math.max(1, Math.floor((top - 8) / ROW) + 1 - BEYOND);
    const last = Math.min(log.lines, Math.ceil((top + this.sight()) / ROW) + BEYOND);
    this.rows.style.transform = `translateY(${this.pane.scrollTop - top + (first - 1) * ROW + 8}px)`;
    for (const [line, row] of this.shown) {
      if (line < first || line > last) {
        row.remove();
        this.shown.delete(line);
      }
    }
    let before = null;
    for (let line = first; line <= last; line += 1) before = this.place(line, before);
    if (log.ready && log.missing(first, last)) this.want(first, last);
  }

  place(line, before) {
    const entry = this.log.at(line), old = this.shown.get(line);
    const state = `${entry ? entry.text.length : -1} ${this.needle} ${this.isMarked(line)} ${this.hit === line}`;
    if (old && old.state === state) return old;
    const row = this.row(line, entry);
    row.state = state;
    if (old) old.replaceWith(row); else if (before) before.after(row); else this.rows.prepend(row);
    this.shown.set(line, row);
    return row;
  }

  isMarked(line) { return !!this.marked && line >= this.marked[0] && line <= this.marked[1]; }

  row(line, entry) {
    const row = document.createElement('div');
    row.className = 'ln';
    const number = document.createElement('a'), time = document.createElement('span'), text = document.createElement('span');
    number.className = 'no';
    number.href = `#L-${this.log.path}-${line}`;
    number.textContent = line;
    time.className = 't';
    text.className = 'tx';
    if (entry) {
      time.textContent = clock(entry.ms);
      const parts = spans(overwritten(entry.text), { ...entry.look });
      if (looksLikeError(parts.map((part) => part[1]).join(''))) row.classList.add('err');
      for (const [name, piece] of parts) text.append(this.painted(name, piece, line));
      if (entry.cut) text.append('  … the line goes on, see raw');
    } else {
      text.textContent = '…';
      text.classList.add('later');
    }
    if (this.isMarked(line)) row.classList.add('at');
    row.append(number, time, text);
    return row;
  }

  painted(name, piece, line) {
    const span = document.createElement('span');
    if (name) span.className = name;
    if (!this.needle) {
      span.textContent = piece;
      return span;
    }
    const lower = piece.toLowerCase();
    let from = 0;
    for (let at; (at = lower.indexOf(this.needle, from)) >= 0; from = at + this.needle.length) {
      const mark = document.createElement('mark');
      if (this.hit === line) mark.className = 'at';
      mark.textContent = piece.slice(at, at + this.needle.length);
      span.append(piece.slice(from, at), mark);
    }
    span.append(piece.slice(from));
    return span;
  }

  // One request at a time, always for what is seen at that moment.
  want(first, last) {
    this.wanted = [first, last];
    if (this.fetching) return;
    this.fetching = true;
    const log = this.log;
    (async () => {
      while (this.wanted && this.log === log) {
        const [from, to] = this.wanted;
        this.wanted = null;
        try {
          await log.fetchLines(from, to);
        } catch (error) {
          complain(`A part of the log cannot be read: ${error.message}. Scroll to try again.`);
          break;
        }
        if (this.log === log) {
          const again = this.wanted;
          this.draw();
          if (!again) this.wanted = null;
        }
      }
      this.fetching = false;
      if (this.log !== log) this.draw();
    })();
  }
}
