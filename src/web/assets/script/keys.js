// The keyboard, and the two boxes it opens.
const KEYS = [['/', 'search pipelines, jobs and resources'], ['g p', 'to the pipelines'], ['g w', 'to the workers'],
  ['j  k', 'next, previous step or row'], ['Enter', 'open it'], ['f', 'follow the log'], ['n  N', 'find in the log: next, previous'],
  ['t', 'show or hide times'], ['r', 'run again, trigger, check now'], ['?', 'this list'], ['Esc', 'close']];

function box(title, fill) {
  const dialog = document.createElement('dialog');
  const heading = document.createElement('h2');
  heading.textContent = title;
  dialog.setAttribute('aria-label', title);
  dialog.append(heading);
  fill(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

function showKeys() {
  box('Keys', (dialog) => {
    const table = document.createElement('table');
    for (const [key, meaning] of KEYS) {
      const row = table.insertRow(), kbd = document.createElement('kbd');
      kbd.textContent = key;
      row.insertCell().append(kbd);
      row.insertCell().textContent = meaning;
    }
    dialog.append(table);
  });
}

function nearby() {
  const places = [];
  for (const link of $$('#canvas a[data-id]')) places.push([link.dataset.id, 'here', link.getAttribute('href')]);
  for (const link of $$('.cover')) places.push([link.textContent, 'pipeline', link.getAttribute('href')]);
  return places;
}

async function everywhere() {
  const team = document.body.dataset.team;
  if (!team) return [];
  const base = `/teams/${encodeURIComponent(team)}/pipelines`;
  const answer = await fetch(base, { headers: { Accept: 'application/json' } });
  if (!answer.ok) return [];
  const { data } = await answer.json();
  return (data || []).flatMap((pipeline) => {
    const here = `${base}/${encodeURIComponent(pipeline.canonical || pipeline.name)}`;
    const jobs = (pipeline.jobs || []).map((job) => [`${pipeline.name} / ${job.name}`, 'job', `${here}/jobs/${encodeURIComponent(job.name)}/builds`]);
    return [[pipeline.name, 'pipeline', here], ...jobs];
  });
}

function showSearch() {
  box('Go to', (dialog) => {
    const input = document.createElement('input'), list = document.createElement('ul');
    input.type = 'search';
    input.setAttribute('aria-label', 'Name of a pipeline, job or resource');
    let places = nearby(), chosen = 0;
    const draw = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const seen = new Set();
      const fit = places.filter(([name, , href]) => words.every((word) => name.toLowerCase().includes(word)) && !seen.has(href) && seen.add(href));
      chosen = Math.max(0, Math.min(chosen, Math.min(fit.length, 12) - 1));
      list.replaceChildren(...fit.slice(0, 12).map(([name, kind, href], i) => {
        const item = document.createElement('li'), link = document.createElement('a'), said = document.createElement('span');
        link.href = href;
        said.textContent = kind;
        link.append(name, said);
        if (i === chosen) link.className = 'at';
        item.append(link);
        return item;
      }));
      if (!fit.length) list.textContent = 'Nothing has this name.';
    };
    input.addEventListener('input', () => { chosen = 0; draw(); });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        chosen += event.key === 'ArrowDown' ? 1 : -1;
        draw();
      } else if (event.key === 'Enter') {
        event.preventDefault();
        $('a.at', list)?.click();
      }
    });
    dialog.append(input, list);
    draw();
    everywhere().then((more) => { places = [...places, ...more]; draw(); }, () => {});
  });
}

function moveTo(by) {
  const stops = $$('.cover, .list td a, .versions .uses a');
  const at = stops.indexOf(document.activeElement);
  stops[at < 0 ? (by > 0 ? 0 : stops.length - 1) : Math.max(0, Math.min(stops.length - 1, at + by))]?.focus();
}

function onKey(event, build) {
  const typing = event.target.closest?.('input, textarea, select, dialog');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const chord = onKey.g;
  onKey.g = event.key === 'g';
  const act = {
    '/': () => { if ($('#open-search')) showSearch(); },
    '?': showKeys,
    p: () => { if (chord) location.assign(`/teams/${encodeURIComponent(document.body.dataset.team || 'main')}/pipelines`); },
    w: () => { if (chord && $('.workers a')) location.assign('/workers'); },
    j: () => build ? build.step(1) : moveTo(1),
    k: () => build ? build.step(-1) : moveTo(-1),
    f: () => build?.view.follow(!build.view.following),
    t: () => $('#show-times')?.click(),
    n: () => build?.next(1),
    N: () => build?.next(-1),
    r: () => $('#run-again button')?.click(),
  }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}
