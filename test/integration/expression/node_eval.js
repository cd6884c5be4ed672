// Evaluates expressions with Node. stdin and stdout are those of `firn eval --js --batch`: one JSON object per line.
// FIRN_NOW fixes the clock. A result is its JSON.stringify text.
const now = Date.parse(process.env.FIRN_NOW);
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
  static now() {
    return now;
  }
};

function evaluate({expression, scope}) {
  const names = Object.keys(scope);
  const run = new Function(...names, `"use strict"; return (${expression}\n)`);
  const value = run(...names.map((name) => scope[name]));
  if (typeof value === 'function') return {function: true};
  return {json: JSON.stringify(value) ?? 'undefined'};
}

for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) {
  if (!line) continue;
  let answer;
  try {
    answer = evaluate(JSON.parse(line));
  } catch (error) {
    answer = {error: String(error)};
  }
  console.log(JSON.stringify(answer));
}
