// What a line is and says; the same rules as page/log_tail.rs.
const ERROR_WORDS = new Set(['error', 'errors', 'fail', 'failed', 'failure', 'failures', 'fatal', 'panicked',
  'exception', 'traceback', 'assertion']);
const NONE_WORDS = new Set(['0', 'no', 'without']);

function looksLikeError(line) {
  let before = '';
  for (const word of line.toLowerCase().match(/[a-z0-9_]+/g) || []) {
    if (ERROR_WORDS.has(word) && !NONE_WORDS.has(before)) return true;
    before = word;
  }
  return false;
}

// What a terminal would leave of a line with carriage returns.
function overwritten(line) {
  if (line.endsWith('\r')) line = line.slice(0, -1);
  return line.slice(line.lastIndexOf('\r') + 1);
}

function clock(ms) {
  const pad = (n) => String(n).padStart(2, '0');
  return ms < 600000 ? `+${pad(Math.floor(ms / 1000))}.${pad(Math.floor(ms % 1000 / 10))}s`
    : `+${Math.floor(ms / 60000)}:${pad(Math.floor(ms % 60000 / 1000))}.${Math.floor(ms % 1000 / 100)}`;
}
