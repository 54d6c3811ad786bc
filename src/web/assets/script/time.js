const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// The server's clock: ages and durations are said as the server would say them.
let skew = Number(document.body.dataset.now) - Date.now();
const now = () => Date.now() + skew;

const two = (big, unit, small, smallUnit) => small ? `${big} ${unit} ${small} ${smallUnit}` : `${big} ${unit}`;

// The same words as page/moment.rs.
function human(ms) {
  ms = Math.max(0, Math.floor(ms));
  const s = Math.floor((ms + 500) / 1000);
  if (ms < 1000) return `${ms} ms`;
  if (ms < 9950) return `${Math.floor((ms + 50) / 100) / 10} s`;
  if (ms < 59500) return `${s} s`;
  if (ms < 3599500) return two(Math.floor(s / 60), 'm', s % 60, 's');
  if (ms < 864e5) return two(Math.floor(s / 3600), 'h', Math.floor(s % 3600 / 60), 'm');
  return two(Math.floor(s / 86400), 'd', Math.floor(s % 86400 / 3600), 'h');
}

function relative(at) {
  const distance = Math.floor(Math.abs(now() - at) / 1000);
  if (distance < 2) return 'just now';
  const said = distance < 60 ? `${distance} s` : distance < 3600 ? `${Math.floor(distance / 60)} m`
    : distance < 86400 ? `${Math.floor(distance / 3600)} h` : `${Math.floor(distance / 86400)} d`;
  return at <= now() ? `${said} ago` : `in ${said}`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tickTimes() {
  for (const element of $$('[data-since]')) {
    const ms = now() - element.dataset.since;
    write(element, human(ms < 1000 ? ms : Math.floor(ms / 1000) * 1000));
  }
  for (const element of $$('time[data-at]')) write(element, relative(Number(element.dataset.at)));
}
