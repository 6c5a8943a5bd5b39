// Turns `objdump --dwarf=info` (stdin) and the C sources named as arguments into the table of structures that is committed
// beside the image (stdout).
//
//   s <size> <tag>                           struct <tag> of so many bytes; the rows behind it are its members
//   <offset> <size> <count> <name> <type>    bytes from its start, bytes of one element, elements (0: no array)
//   a <file>:<line> <name> <type>            what is allocated on that line, and the member that an array hangs in (else -)
//
// Read by emu/elf/type-table.ts.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// ---- the tree of debugging entries ----

const entries = new Map();
{
  const stack = [];
  let entry;
  for (const text of fs.readFileSync(0, 'utf8').split('\n')) {
    const head = /^ <(\d+)><([0-9a-f]+)>: Abbrev Number: \d+(?: \(DW_TAG_(\w+)\))?/.exec(text);
    if (head) {
      const depth = Number(head[1]);
      entry = head[3] && { tag: head[3], children: [], attributes: {} };
      stack.length = depth;
      if (!entry) continue;
      if (depth > 0) stack[depth - 1].children.push(entry);
      stack.push(entry);
      entries.set(parseInt(head[2], 16), entry);
      continue;
    }
    const attribute = /^ +<[0-9a-f]+> +DW_AT_(\w+) *: \(\w+\) (?:\(offset: 0x[0-9a-f]+\): )?(.*)$/.exec(text);
    if (attribute && entry) entry.attributes[attribute[1]] = attribute[2].trim();
  }
}

const refer = ({ attributes: { type } }) => type && entries.get(parseInt(/<0x([0-9a-f]+)>/.exec(type)[1], 16));

/** { text, size, count } of a type. */
function describe(type) {
  if (!type) return { text: 'void', size: 1, count: 0 };
  const { tag, attributes, children } = type;
  const size = Number(attributes.byte_size);
  switch (tag) {
    case 'base_type':
      return { text: attributes.name.replace(/ /g, '_'), size, count: 0 };
    case 'structure_type':
    case 'union_type':
      return { text: `struct ${attributes.name ?? '?'}`, size, count: 0 };
    case 'enumeration_type':
      return { text: `enum ${attributes.name ?? '?'}`, size, count: 0 };
    case 'pointer_type': {
      const to = refer(type);
      if (to?.tag === 'subroutine_type') return { text: '(*)()', size: 4, count: 0 };
      const text = describe(to).text;
      return { text: `${text}${text.endsWith('*') ? '' : ' '}*`, size: 4, count: 0 };
    }
    case 'array_type': {
      const counts = children.map(({ attributes: { upper_bound, count } }) => Number(count ?? Number(upper_bound) + 1));
      const element = describe(refer(type));
      return { ...element, count: counts.reduce((a, b) => a * b, Math.max(element.count, 1)) || 0 };
    }
    case 'typedef': {
      const behind = describe(refer(type));
      // typedefs of nameless structures have the name themselves
      return behind.text === 'struct ?' ? { ...behind, text: `struct ${attributes.name}` } : behind;
    }
    default: // const, volatile
      return describe(refer(type));
  }
}

/** tag -> { size, members } */
const structures = new Map();
for (const entry of entries.values()) {
  let structure = entry;
  let { name } = entry.attributes;
  if (entry.tag === 'typedef') structure = refer(entry);
  if (structure?.tag !== 'structure_type' || (entry.tag === 'typedef' && structure.attributes.name)) continue;
  if (!name || structures.has(name) || structure.attributes.byte_size === undefined) continue;
  const members = structure.children
    .filter(({ tag, attributes }) => tag === 'member' && attributes.name)
    .map((member) => ({
      name: member.attributes.name,
      offset: Number(member.attributes.data_member_location ?? 0),
      ...describe(refer(member)),
    }));
  structures.set(name, { size: Number(structure.attributes.byte_size), members });
}

// ---- allocation sites ----

/** `struct x` that a variable declared above in the text has; undefined when none is. */
function declared(lines, at, variable) {
  const declaration = new RegExp(`struct (\\w+) \\*(?:\\w+(?: = [^,;]*)?, \\*)*${variable}\\b`);
  for (let line = at; line >= 0; line--) {
    const match = declaration.exec(lines[line]);
    if (match) return match[1];
  }
  return undefined;
}

/** Type text of what sizeof(*expression) is the size of. */
function pointee(lines, at, expression) {
  const [variable, member] = expression.split('->');
  const tag = declared(lines, at, variable);
  if (member === undefined) return tag && `struct ${tag}`;
  const type = structures.get(tag)?.members.find(({ name }) => name === member.split('[')[0])?.text;
  return type?.replace(/ ?\*$/, '');
}

const guest = fileURLToPath(new URL('..', import.meta.url));
const sites = [];
for (const file of process.argv.slice(2)) {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  lines.forEach((text, at) => {
    const size = /\b(?:k[mz]alloc|__alloc_percpu)\((.*)\)/.exec(text);
    const cached = /struct (\w+) \*\w+ = kmem_cache_z?alloc\(/.exec(text);
    const named = size && /sizeof\(struct (\w+)( \*)?\)/.exec(size[1]);
    const starred = size && /sizeof\(\*([\w>[\]-]+)\)/.exec(size[1]);
    const type = cached
      ? `struct ${cached[1]}`
      : named
        ? `struct ${named[1]}${named[2] ?? ''}`
        : starred && pointee(lines, at, starred[1]);
    // x->name = kzalloc(count * sizeof(...)): an array that is known by that name
    const array = size?.[1].includes(' * sizeof') ? /(\w+) = \w+\(/.exec(text)?.[1] : undefined;
    if (type) sites.push(`a ${path.join('emu/guest', path.relative(guest, file))}:${at + 1} ${array ?? '-'} ${type}`);
  });
}

const out = [];
for (const [name, { size, members }] of [...structures].sort(([a], [b]) => (a < b ? -1 : 1))) {
  out.push(`s ${size} ${name}`);
  for (const { offset, size: bytes, count, name: member, text } of members)
    out.push(`${offset} ${bytes} ${count} ${member} ${text}`);
}
if (out.length === 0) {
  process.stderr.write('no structures on standard input\n');
  process.exit(1);
}
process.stdout.write(`${[...out, ...sites].join('\n')}\n`);
