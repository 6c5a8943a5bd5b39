// Loops and lists of operation scripts, written out: what comes out is one operation per line.
//   for NAME in FIRST..LAST [step N]      or     for NAME in WORD WORD ...
//     ... $NAME ... $(NAME * 10 + 3) ...
//   end
//   alloc 0..99 8,16,24 8                 ids 0 to 99, sizes in turn
//   free 0..98 step 2
import { ScriptError } from './script-error.js';

/** One operation, its words, and the line of the script that it comes from. */
export interface ExpandedLine {
  readonly line: number;
  readonly words: readonly string[];
}

/** Most operations of a script, and turns of its loops. */
const MOST = 10_000_000;

type Block = { line: number; text: string } | { line: number; name: string; over: string; body: Block[] };

/** @param name file name for messages @throws ScriptError for loops that do not end, or an expression that is none */
export function* expandScript(text: string, name: string): Generator<ExpandedLine> {
  let count = 0;
  const counted = (line: number): void => {
    if (++count > MOST) throw new ScriptError(name, line, `more than ${MOST} operations and turns of loops`);
  };
  for (const expanded of expandBlocks(parseBlocks(text, name), new Map(), name, counted)) {
    counted(expanded.line);
    yield expanded;
  }
}

function parseBlocks(text: string, name: string): Block[] {
  const top: Block[] = [];
  const open: { line: number; body: Block[] }[] = [{ line: 0, body: top }];
  text.split('\n').forEach((raw, index) => {
    const line = index + 1;
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const [first] = trimmed.split(/\s+/, 1);
    if (first === 'for') {
      const loop = /^for\s+([A-Za-z_]\w*)\s+in\s+(\S.*)$/.exec(trimmed);
      if (loop === null) {
        throw new ScriptError(name, line, `"${trimmed}" is no loop: for NAME in FIRST..LAST [step N], or in a list`);
      }
      const body: Block[] = [];
      open.at(-1)!.body.push({ line, name: loop[1]!, over: loop[2]!, body });
      open.push({ line, body });
    } else if (first === 'end') {
      if (trimmed !== 'end') throw new ScriptError(name, line, `unexpected "${trimmed.slice(3).trim()}"`);
      if (open.length === 1) throw new ScriptError(name, line, '"end" without "for"');
      open.pop();
    } else open.at(-1)!.body.push({ line, text: trimmed });
  });
  const last = open.at(-1)!;
  if (open.length > 1) throw new ScriptError(name, last.line, '"for" without "end"');
  return top;
}

function* expandBlocks(
  blocks: readonly Block[],
  values: ReadonlyMap<string, string>,
  name: string,
  counted: (line: number) => void,
): Generator<ExpandedLine> {
  for (const block of blocks) {
    const fail = (what: string): never => {
      throw new ScriptError(name, block.line, what);
    };
    if ('text' in block) {
      const words = substitute(block.text, values, fail).split(/\s+/);
      yield* expandLists(block.line, words, fail);
      continue;
    }
    const over = substitute(block.over, values, fail).split(/\s+/);
    const range = rangeOf(over, fail);
    const inner = new Map(values);
    for (const value of range ?? over) {
      counted(block.line);
      yield* expandBlocks(block.body, inner.set(block.name, String(value)), name, counted);
    }
  }
}

/** alloc and free of many ids. */
function* expandLists(line: number, words: readonly string[], fail: (what: string) => never): Generator<ExpandedLine> {
  const [first, ids = '', size = ''] = words;
  if ((first !== 'alloc' && first !== 'free') || !(ids.includes('..') || (first === 'alloc' && size.includes(',')))) {
    yield { line, words };
    return;
  }
  const stepped = words[2] === 'step' ? words.slice(1, 4) : words.slice(1, 2);
  const rest = words.slice(1 + stepped.length);
  const sizes = first === 'alloc' ? (rest.shift() ?? fail(`"${words.join(' ')}" lacks a size`)).split(',') : [''];
  let turn = 0;
  for (const id of rangeOf(stepped, fail) ?? [ids]) {
    const size = sizes[turn++ % sizes.length]!;
    yield { line, words: [first, String(id), ...(first === 'alloc' ? [size] : []), ...rest] };
  }
}

/** FIRST..LAST [step N], both ends included; undefined when the words are none. */
function rangeOf(words: readonly string[], fail: (what: string) => never): Iterable<number> | undefined {
  const [text = '', step, by, ...more] = words;
  const range = /^(-?\d+)\.\.(-?\d+)$/.exec(text);
  if (range === null) {
    if (text.includes('..')) fail(`"${text}" is no range FIRST..LAST`);
    return undefined;
  }
  const width = by === undefined ? 1 : Number(by);
  if (more.length > 0 || (step !== undefined && step !== 'step') || !Number.isSafeInteger(width) || width < 1) {
    fail(`"${words.slice(1).join(' ')}" behind a range: "step N" is all that may stand there`);
  }
  const [first, last] = [Number(range[1]), Number(range[2])];
  return (function* () {
    for (let value = first; value <= last; value += width) yield value;
  })();
}

/** Puts values in the place of $NAME and $(EXPRESSION). */
function substitute(text: string, values: ReadonlyMap<string, string>, fail: (what: string) => never): string {
  if (!text.includes('$')) return text;
  let result = '';
  for (let at = 0; at < text.length;) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) return result + text.slice(at);
    result += text.slice(at, dollar);
    if (text[dollar + 1] === '(') {
      let end = dollar + 2;
      for (let depth = 1; depth > 0; end++) {
        if (end >= text.length) fail(`"${text.slice(dollar)}" has no closing parenthesis`);
        if (text[end] === '(') depth++;
        else if (text[end] === ')') depth--;
      }
      result += String(evaluate(text.slice(dollar + 2, end - 1), values, fail));
      at = end;
    } else {
      const name = /^\w+/.exec(text.slice(dollar + 1))?.[0] ?? '';
      result += values.get(name) ?? fail(`"$${name}" is no loop's variable here`);
      at = dollar + 1 + name.length;
    }
  }
  return result;
}

/** Whole numbers with + - * / % and parentheses; division drops the rest. */
function evaluate(text: string, values: ReadonlyMap<string, string>, fail: (what: string) => never): number {
  const tokens = text.match(/\d+|\$?[A-Za-z_]\w*|\S/g) ?? [];
  let at = 0;
  const bad = (): never => fail(`"${text}" is no expression of whole numbers`);
  const primary = (): number => {
    const token = tokens[at++] ?? bad();
    if (token === '(') {
      const value = sum();
      return tokens[at++] === ')' ? value : bad();
    }
    if (token === '-') return -primary();
    if (/^\d/.test(token)) return Number(token);
    const value = values.get(token.replace('$', ''));
    return value !== undefined && /^-?\d+$/.test(value) ? Number(value) : bad();
  };
  const product = (): number => {
    let value = primary();
    for (let operator = tokens[at]; operator === '*' || operator === '/' || operator === '%'; operator = tokens[at]) {
      at++;
      const right = primary();
      if (operator !== '*' && right === 0) return fail(`"${text}" divides by 0`);
      value = operator === '*' ? value * right : operator === '/' ? Math.trunc(value / right) : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let operator = tokens[at]; operator === '+' || operator === '-'; operator = tokens[at]) {
      at++;
      const right = product();
      value = operator === '+' ? value + right : value - right;
    }
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isSafeInteger(value) ? value : bad();
}
