// The time axis while a build runs: bars without an end grow to the present. The same places as page/timeline.rs.
const LABEL_PERCENT = 1.75;

function tickLabel(ms) {
  return ms >= 9950 && ms < 119500 ? `${Math.floor((ms + 500) / 1000)} s` : ms < 1 ? '0 s' : human(ms);
}

function placeBar(element, from, length) {
  const percent = (at) => Math.min(100, Math.max(0, (at - from) / length * 100));
  const left = percent(Number(element.dataset.from));
  const right = element.dataset.to ? percent(Number(element.dataset.to)) : 100;
  if (element.localName === 'rect') {
    const width = Math.max(0.8, right - left);
    element.setAttribute('x', `${Math.min(left, 100 - width)}%`);
    element.setAttribute('width', `${width}%`);
    return;
  }
  const needed = element.textContent.length * LABEL_PERCENT;
  const [x, dx, anchor] = right - left >= needed ? [left, 5, 'start']
    : right + needed <= 100 ? [right, 5, 'start'] : [left, -5, 'end'];
  element.setAttribute('x', `${x}%`);
  element.setAttribute('dx', dx);
  element.setAttribute('text-anchor', anchor);
}

function layAxis() {
  const flow = $('.flow[data-running]');
  if (!flow || document.hidden) return;
  const from = Number(flow.dataset.from), length = Math.max(1, now() - from);
  for (const label of $$('[data-quarter]', flow)) write(label, tickLabel(Math.round(length * label.dataset.quarter / 4)));
  for (const element of $$('.lane [data-from]', flow)) placeBar(element, from, length);
}
