// Puts the parts of a page together.
class BuildPage {
  constructor(root) {
    this.view = new LogView(root);
    this.find = new Find(this.view);
    this.byHand = false;
    this.heard = new Set();
    $('#follow').addEventListener('click', () => this.view.follow(!this.view.following));
    $('#show-times').addEventListener('click', (event) => {
      const hidden = this.view.pane.classList.toggle('no-times');
      event.currentTarget.setAttribute('aria-pressed', String(!hidden));
    });
    document.addEventListener('click', (event) => {
      const lane = event.target.closest('.lane');
      if (!lane || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.byHand = true;
      this.choose(lane);
    });
    addEventListener('hashchange', () => this.fromAddress());
    if (!this.fromAddress()) this.chooseItself();
  }

  // The run that is shown: the build runs again when its worker is lost.
  run() { return Number($('.flow').dataset.run); }

  lanes() { return $$('.lane').filter((lane) => this.tabs(lane).length); }
  tabs(lane) { return JSON.parse(lane.dataset.tabs || '[]'); }

  // The part that is shown unasked: the newest attempt of a step, the part of a service that matters in its state.
  partOf(lane, tabs) { return tabs.find((tab) => tab.label === lane.dataset.part) || tabs[tabs.length - 1]; }

  // `#L-PATH-LINE` or `#L-PATH-FROM-TO`.
  fromAddress() {
    const match = /^#L-(.+?)-(\d+)(?:-(\d+))?$/.exec(decodeURIComponent(location.hash));
    if (!match) return false;
    const path = match[1], from = Number(match[2]), to = Number(match[3] || match[2]);
    const lane = this.lanes().find((l) => this.tabs(l).some((tab) => tab.path === path));
    if (!lane) return false;
    this.byHand = true;
    const same = this.view.log?.path === path;
    this.view.marked = [from, to];
    if (same) this.view.reveal(from); else this.choose(lane, this.tabs(lane).findLast((tab) => tab.path === path), from);
    return true;
  }

  chooseItself() {
    const lane = $('.lane[data-chosen]');
    if (lane) this.choose(lane);
  }

  async choose(lane, tab, line) {
    const tabs = this.tabs(lane);
    tab ||= this.partOf(lane, tabs);
    if (this.view.lane?.dataset.key !== lane.dataset.key) this.view.marked = line ? this.view.marked : null;
    this.view.lane = lane;
    this.tab = tab;
    this.show();
    if (!tab) {
      this.view.log = null;
      this.view.rows.replaceChildren();
      this.view.shown.clear();
      return;
    }
    const state = lane.dataset.state;
    const log = new LogText(this.view.base, this.run(), tab.path, tab.attempt);
    $('#raw').href = log.rawUrl();
    $('#download').href = log.downloadUrl();
    this.view.following = false;
    if (!await this.view.open(log)) return;
    if (this.find.input.value) this.find.run();
    if (line) this.view.scrollToLine(line);
    else if (state === 'bad') await this.toError(log);
    else if (state === 'run') this.view.follow(true);
    else this.view.scrollToPixel(0);
    this.view.follow(!line && state === 'run');
  }

  async toError(log) {
    this.view.follow(false);
    const line = await log.firstError().catch(() => null);
    if (this.view.log !== log) return;
    if (line) this.view.scrollToLine(line); else this.view.scrollToEnd();
  }

  // Title, chosen row and parts, as they are now.
  show() {
    const lane = this.view.lane, tabs = this.tabs(lane);
    for (const other of $$('.lane')) {
      other.classList.toggle('on', other === lane);
      if (other === lane) other.setAttribute('aria-current', 'true'); else other.removeAttribute('aria-current');
    }
    $('#log-title').textContent = lane.dataset.title;
    this.showTook(lane);
    $('#log-tabs').replaceChildren(...(tabs.length > 1 ? tabs : []).map((tab) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'key';
      button.textContent = tab.label;
      button.setAttribute('aria-pressed', String(tab.path === this.tab?.path && tab.attempt === this.tab?.attempt));
      button.addEventListener('click', () => { this.byHand = true; this.choose(lane, tab); });
      return button;
    }));
  }

  showTook(lane) {
    const place = $('#log-took'), { began, ended } = lane.dataset;
    delete place.dataset.since;
    place.textContent = !this.tab ? 'has written nothing' : began && ended ? human(ended - began) : '';
    if (this.tab && began && !ended) place.dataset.since = began;
  }

  // The page changed below us: keep what was chosen, or go where it is happening.
  changed() {
    if (this.view.log && this.view.log.run !== this.run()) {
      this.byHand = false;
      this.heard.clear();
      this.view.lane = this.view.log = null;
    }
    const key = this.view.lane?.dataset.key, before = this.view.lane?.dataset.state;
    const chosen = $('.lane[data-chosen]');
    if (!this.byHand && chosen && chosen.dataset.key !== key) {
      this.choose(chosen);
      return;
    }
    const lane = $$('.lane').find((other) => other.dataset.key === key);
    if (!lane) return;
    this.view.lane = lane;
    const tabs = this.tabs(lane);
    const part = this.partOf(lane, tabs);
    if (part && (!this.tab || (!this.byHand && (part.path !== this.tab.path || part.attempt !== this.tab.attempt)))) {
      this.choose(lane);
      return;
    }
    this.show();
    if (before !== lane.dataset.state && lane.dataset.state === 'bad' && this.view.log && (!this.byHand || this.view.following)) this.toError(this.view.log);
    else if (lane.dataset.state !== 'run' && this.view.following) this.view.follow(false);
  }

  // An output of which the page knows nothing yet: a step or an attempt that has just begun.
  isNews(event) {
    const key = `${event.run} ${event.step} ${event.attempt}`;
    if (this.heard.has(key)) return false;
    this.heard.add(key);
    return !$$('.lane').some((lane) => this.tabs(lane).some((tab) => tab.path === event.step && (!tab.attempt || tab.attempt === event.attempt)));
  }

  onLog(event) {
    if (event.run < this.run()) return;
    if (this.isNews(event)) refresh();
    const log = this.view.log;
    if (!log || event.run !== log.run || event.step !== log.path || (log.attempt && event.attempt !== log.attempt)) return;
    log.append(event);
    this.view.grew();
  }

  step(by) {
    const lanes = this.lanes(), at = lanes.findIndex((lane) => lane === this.view.lane);
    const next = lanes[Math.max(0, Math.min(lanes.length - 1, at + by))];
    if (!next) return;
    this.byHand = true;
    this.choose(next);
    next.scrollIntoView({ block: 'nearest' });
    say(next.dataset.title);
  }

  next(by) {
    if (this.find.hits.length) this.find.step(by); else this.find.input.focus();
  }
}

function switchTheme() {
  const root = document.documentElement, order = [undefined, 'light', 'dark'];
  const next = order[(order.indexOf(root.dataset.theme) + 1) % 3];
  if (next) root.dataset.theme = next; else delete root.dataset.theme;
  document.cookie = `theme=${next || ''}; path=/; max-age=${next ? 31536000 : 0}; samesite=lax`;
  say(`Colours: ${next || 'as the system'}`);
}

for (const element of $$('[data-live]')) raw.set(element, element.outerHTML);
const viewer = $('#viewer');
const build = viewer ? new BuildPage(viewer) : null;
if (build) afterChange.push(() => build.changed(), layAxis);
$('#open-search')?.addEventListener('click', showSearch);
$('#open-keys').addEventListener('click', showKeys);
$('#switch-theme').addEventListener('click', switchTheme);
document.addEventListener('keydown', (event) => onKey(event, build));
document.addEventListener('submit', (event) => {
  if (event.target.matches('[data-quiet]')) {
    event.preventDefault();
    sendQuietly(event.target);
  }
});
if (document.body.dataset.events) {
  openStream(document.body.dataset.events, viewer ? viewer.dataset.after : null, build ? (event) => build.onLog(event) : null);
}
setInterval(() => { tickTimes(); layAxis(); }, 1000);
setInterval(layAxis, 250);
