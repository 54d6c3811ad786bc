// One event stream a page. An event says that something changed; the page is then asked for again and the parts that
// differ are replaced, so that server and script can never show two different things.
const raw = new WeakMap();
const afterChange = [];

function say(text) {
  const place = $('#said');
  if (place && text) place.textContent = text;
}

function complain(text) {
  const place = $('#toast');
  place.textContent = text;
  place.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => { place.hidden = true; }, 8000);
}

function focusKey(element) {
  for (const name of ['id', 'data-key', 'data-id', 'href', 'aria-label']) {
    const value = element.getAttribute(name);
    if (value) return `[${name}="${CSS.escape(value)}"]`;
  }
  return null;
}

function replace(old, fresh) {
  const key = old.contains(document.activeElement) ? focusKey(document.activeElement) : null;
  const source = fresh.outerHTML;
  const element = document.importNode(fresh, true);
  raw.set(element, source);
  old.replaceWith(element);
  if (key) (element.matches(key) ? element : $(key, element))?.focus({ preventScroll: true });
  if (fresh.dataset.said && fresh.dataset.said !== old.dataset.said) say(fresh.dataset.said);
}

function patch(page) {
  skew = Number(page.body.dataset.now) - Date.now();
  const drawn = $('#canvas svg'), redrawn = $('#canvas svg', page);
  if (drawn && redrawn && drawn.dataset.shape !== redrawn.dataset.shape) replace(drawn, redrawn);
  for (const old of $$('[data-live]')) {
    const fresh = $(`[data-live="${CSS.escape(old.dataset.live)}"]`, page);
    if (fresh && raw.get(old) !== fresh.outerHTML) replace(old, fresh);
  }
  for (const act of afterChange) act();
  tickTimes();
}

const live = { busy: false, again: false };

async function refresh() {
  if (live.busy) {
    live.again = true;
    return;
  }
  live.busy = true;
  do {
    live.again = false;
    try {
      const url = new URL(location.href);
      url.hash = '';
      url.searchParams.set('view', 'live');
      const answer = await fetch(url, { headers: { Accept: 'text/html' } });
      if (answer.redirected || answer.status === 401) complain('The session has ended. Load the page again and log in.');
      else if (answer.ok) patch(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    } catch { /* the stream notices that the server is gone, and asks again when it is back */ }
    if (live.again) await new Promise((done) => { setTimeout(done, 120); });
  } while (live.again);
  live.busy = false;
}

const SILENCE = 45000;

function openStream(address, after, onLog) {
  let source, last = after, wait = 100, watch, over = false, dropped = false;
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(again, SILENCE);
  };
  let shown;
  const lost = (is) => {
    clearTimeout(shown);
    if (is) shown = setTimeout(() => { $('#lost').hidden = false; }, 1000); else $('#lost').hidden = true;
  };
  function again() {
    source.close();
    clearTimeout(watch);
    if (over) return;
    dropped = true;
    lost(true);
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 10000);
  }
  function connect() {
    if (over) return;
    const url = new URL(address, location.href);
    if (last !== null) url.searchParams.set('after', last);
    source = new EventSource(url);
    alive();
    source.onopen = () => {
      wait = 100;
      lost(false);
      alive();
      if (dropped) refresh();
      dropped = false;
    };
    // The browser would reconnect by itself, but not after a refusal; one way for both is simpler to trust.
    source.onerror = again;
    for (const name of ['build', 'step', 'service', 'resource', 'pipeline', 'worker']) {
      source.addEventListener(name, () => { alive(); refresh(); });
    }
    source.addEventListener('heartbeat', alive);
    source.addEventListener('log', (event) => {
      alive();
      onLog?.(JSON.parse(event.data));
      if (event.lastEventId) last = event.lastEventId;
    });
    source.addEventListener('end', () => {
      over = true;
      clearTimeout(watch);
      source.close();
      refresh();
    });
  }
  addEventListener('pagehide', () => { over = true; source.close(); clearTimeout(watch); });
  addEventListener('pageshow', (event) => {
    if (event.persisted) { over = false; dropped = true; connect(); }
  });
  connect();
}

// Buttons whose effect shows on the page itself do not leave it.
async function sendQuietly(form) {
  const button = $('button', form);
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'application/json', 'X-CSRF-Token': $('meta[name=csrf]').content },
      body: new URLSearchParams(new FormData(form)),
    });
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      complain(said.error || `The server answered ${answer.status}.`);
    }
  } catch {
    complain('The server cannot be reached. Try again when it is back.');
  }
  button.disabled = false;
  refresh();
}
