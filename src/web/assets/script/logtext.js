// One log: what is known of it, and the lines at hand. Any line can be had again by range, so memory is bounded.
const LINE_LIMIT = 20000;      // characters of a line that are shown
const RANGE_LIMIT = 1 << 20;   // bytes asked for at once
const KEEP_LINES = 20000;
const KEEP_CHARACTERS = 1.6e7;

class LogText {
  constructor(base, run, path, attempt) {
    this.address = `${base}/logs`;
    this.query = `step=${encodeURIComponent(path)}&run=${run}${attempt ? `&attempt=${attempt}` : ''}`;
    this.run = run;
    this.path = path;
    this.attempt = attempt;
    this.bytes = this.lines = this.characters = 0;
    this.marks = [];
    this.cache = new Map();
    this.early = [];
    this.ready = false;
  }

  range(offset, limit) { return `${this.address}?${this.query}&offset=${offset}&limit=${limit}`; }
  rawUrl() { return `${this.address}?${this.query}`; }
  downloadUrl() { return `${this.address}?${this.query}&download=1`; }

  async load() {
    this.ready = false;
    const answer = await fetch(`${this.address}/index?${this.query}`, { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const index = await answer.json();
    if (index.bytes >= this.bytes) Object.assign(this, { bytes: index.bytes, lines: index.lines, marks: index.marks });
    this.ready = true;
    for (const event of this.early.splice(0)) this.append(event);
  }

  at(line) { return this.cache.get(line); }

  keep(line, text, ms, look) {
    const cut = text.length > LINE_LIMIT;
    if (cut) text = text.slice(0, LINE_LIMIT);
    this.characters += text.length - (this.cache.get(line)?.text.length || 0);
    this.cache.set(line, { text, ms, look: { ...look }, cut });
    if (text.includes('\x1b')) spans(text, look);
    if (this.cache.size > KEEP_LINES || this.characters > KEEP_CHARACTERS) this.forget();
  }

  forget() {
    for (const [line, entry] of this.cache) {
      if (this.cache.size <= KEEP_LINES / 2 && this.characters <= KEEP_CHARACTERS / 2) break;
      this.cache.delete(line);
      this.characters -= entry.text.length;
    }
  }

  // A piece that the stream brought. Repeated bytes are known by their offset; a gap is filled from the index.
  append(event) {
    if (!this.ready) {
      this.early.push(event);
      return;
    }
    const end = event.offset + event.bytes;
    if (end <= this.bytes) return;
    if (event.offset !== this.bytes) {
      this.cache.delete(this.lines);
      this.early.push(event);
      this.load().then(() => this.grew?.(), () => {});
      return;
    }
    const pieces = event.text.split('\n');
    if (pieces[pieces.length - 1] === '') pieces.pop();
    pieces.forEach((piece, i) => {
      const line = event.line + i, known = this.cache.get(line), before = this.cache.get(line - 1);
      if (line <= this.lines) {
        if (known && !known.cut) this.keep(line, known.text + piece, known.ms, { ...known.look });
        return;
      }
      const look = before ? { ...before.look } : plainStyle();
      if (before?.text.includes('\x1b')) spans(before.text, look);
      this.keep(line, piece, event.t, look);
    });
    const last = this.marks[this.marks.length - 1];
    if (!last || event.line - last[0] >= 1000 || event.offset - last[1] >= 65536 || event.t - last[2] >= 100) {
      this.marks.push([event.line, event.offset, event.t]);
    }
    this.lines = Math.max(this.lines, event.line + Math.max(0, pieces.length - 1));
    this.bytes = end;
  }

  // Position of the last mark whose line is before `line` (or the first mark).
  markBefore(line) {
    let low = 0, high = this.marks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.marks[middle][0] < line) low = middle; else high = middle - 1;
    }
    return low;
  }

  missing(from, to) {
    while (from <= to && this.cache.has(from)) from += 1;
    while (to >= from && this.cache.has(to)) to -= 1;
    return from <= to ? [from, to] : null;
  }

  // Brings the lines `from` … `to` (counted from 1) into the cache.
  async fetchLines(from, to, signal) {
    for (let round = 0; round < 8; round += 1) {
      const gap = this.missing(from, Math.min(to, this.lines));
      if (!gap || !this.marks.length) return;
      await this.fetchGap(gap[0], gap[1], signal);
    }
  }

  async fetchGap(from, to, signal) {
    const first = this.markBefore(from), [markLine, start] = this.marks[first], known = this.bytes;
    let stop = first + 1;
    while (stop < this.marks.length && this.marks[stop][0] <= to) stop += 1;
    const wanted = stop < this.marks.length ? this.marks[stop][1] : known;
    const end = Math.min(wanted, start + RANGE_LIMIT, known);
    const answer = await fetch(this.range(start, end - start), { signal });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const pieces = new TextDecoder().decode(await answer.arrayBuffer()).split('\n');
    const look = plainStyle(), whole = end === known && known === this.bytes;
    let line = markLine, mark = first;
    pieces.forEach((piece, i) => {
      const isLast = i === pieces.length - 1;
      while (mark + 1 < this.marks.length && this.marks[mark + 1][0] <= line) mark += 1;
      const begins = i > 0 || start === 0;
      const complete = !isLast || (whole && piece !== '') || piece.length > LINE_LIMIT;
      if (begins && complete && !this.cache.has(line)) this.keep(line, piece, this.marks[mark][2], look);
      if (!isLast) line += 1;
    });
    // Sparse marks: what was just read is a mark too, so the next round goes on from there.
    const next = this.marks[first + 1];
    if (end < known && (!next || next[1] > end)) this.marks.splice(first + 1, 0, [line, end, this.marks[mark][2]]);
  }

  // The number of the first line that looks like an error in the last 256 KiB.
  async firstError() {
    const from = Math.max(0, this.bytes - 262144);
    const mark = [...this.marks].reverse().find((m) => m[1] <= from) || [1, 0, 0];
    const answer = await fetch(this.range(mark[1], this.bytes - mark[1]));
    if (!answer.ok) return null;
    const lines = new TextDecoder().decode(await answer.arrayBuffer()).split('\n');
    const found = lines.findIndex((text) => looksLikeError(stripped(overwritten(text))));
    return found < 0 ? null : mark[0] + found;
  }
}
