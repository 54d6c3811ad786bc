// Colours of a terminal as classes; the same reading as ansi.rs.
const SEQUENCE = /\x1b(?:\[([^\x40-\x7e]*)([\x40-\x7e])?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x7f])?/g;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

const plainStyle = () => ({ f: null, g: null, b: false, d: false, i: false, u: false, v: false });

function nearest(r, g, b) {
  const top = Math.min(255, Math.max(r, g, b));
  if (top < 48) return 0;
  const hue = (r * 2 > top ? 1 : 0) | (g * 2 > top ? 2 : 0) | (b * 2 > top ? 4 : 0);
  return hue === 7 && top < 128 ? 8 : top >= 200 ? hue | 8 : hue;
}

function of256(n) {
  if (n < 16) return n;
  if (n < 232) {
    n -= 16;
    return nearest(Math.floor(n / 36) * 51, Math.floor(n / 6) % 6 * 51, n % 6 * 51);
  }
  const grey = (Math.min(n, 255) - 232) * 10 + 8;
  return nearest(grey, grey, grey);
}

function applyLook(style, parameters) {
  const numbers = parameters.split(/[;:]/).map((n) => Number(n) || 0);
  const extended = () => {
    const kind = numbers.shift();
    return kind === 5 ? of256(numbers.shift() || 0)
      : kind === 2 ? nearest(numbers.shift() || 0, numbers.shift() || 0, numbers.shift() || 0) : null;
  };
  while (numbers.length) {
    const n = numbers.shift();
    if (n === 0) Object.assign(style, plainStyle());
    else if (n === 1) style.b = true;
    else if (n === 2) style.d = true;
    else if (n === 3) style.i = true;
    else if (n === 4) style.u = true;
    else if (n === 7) style.v = true;
    else if (n === 22) style.b = style.d = false;
    else if (n === 23) style.i = false;
    else if (n === 24) style.u = false;
    else if (n === 27) style.v = false;
    else if (n >= 30 && n <= 37) style.f = n - 30;
    else if (n >= 90 && n <= 97) style.f = n - 82;
    else if (n >= 40 && n <= 47) style.g = n - 40;
    else if (n >= 100 && n <= 107) style.g = n - 92;
    else if (n === 38) style.f = extended() ?? style.f;
    else if (n === 48) style.g = extended() ?? style.g;
    else if (n === 39) style.f = null;
    else if (n === 49) style.g = null;
  }
}

function lookClass(style) {
  const [f, g] = style.v ? [style.g, style.f] : [style.f, style.g];
  const names = [];
  if (f !== null) names.push(`f${f}`);
  if (g !== null) names.push(`g${g}`);
  for (const flag of ['b', 'd', 'i', 'u']) if (style[flag]) names.push(flag);
  if (style.v && style.f === null) names.push('v');
  return names.join(' ');
}

// [[class, text], …]; leaves the look of the line's end in `style`.
function spans(line, style) {
  const out = [];
  const push = (text) => {
    text = text.replace(CONTROL, '');
    if (!text) return;
    const name = lookClass(style), last = out[out.length - 1];
    if (last && last[0] === name) last[1] += text; else out.push([name, text]);
  };
  if (!line.includes('\x1b')) {
    push(line);
    return out;
  }
  let from = 0;
  SEQUENCE.lastIndex = 0;
  for (let match; (match = SEQUENCE.exec(line));) {
    push(line.slice(from, match.index));
    if (match[2] === 'm' && /^[\d;:]*$/.test(match[1])) applyLook(style, match[1]);
    from = SEQUENCE.lastIndex;
  }
  push(line.slice(from));
  return out;
}

const stripped = (line) => line.includes('\x1b') ? line.replace(SEQUENCE, '') : line;
