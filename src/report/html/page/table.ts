// Script of table pages (sweeps, comparisons): sorts and filters tables, shows what boots a row.
import './table.css';
import { setUpCopy } from './copy.js';
import { setUpTheme } from './theme.js';

setUpTheme();
setUpCopy();

/** What a cell is sorted by: its share, the number it begins with, or its text. */
function keyOf(row: HTMLTableRowElement, column: number): number | string {
  const cell = row.cells[column]!;
  if (cell.dataset.key !== undefined) return Number(cell.dataset.key);
  const text = cell.textContent.trim();
  const number = parseFloat(text.replace(/,/g, ''));
  return Number.isNaN(number) ? text : number;
}

/** Numbers before texts, empty cells last. */
function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

for (const table of document.querySelectorAll('table')) {
  const body = table.tBodies[0]!;
  const heads = [...table.tHead!.rows[0]!.cells];
  heads.forEach((head, column) =>
    head.querySelector('button')!.addEventListener('click', () => {
      const sign = head.ariaSort === 'ascending' ? -1 : 1;
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', sign === 1 ? 'ascending' : 'descending');
      const rows = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
      body.append(...rows.sort((a, b) => sign * compare(a.key, b.key)).map(({ row }) => row));
    }),
  );
}

for (const box of document.querySelectorAll('.filter')) {
  const rows = [...box.parentElement!.querySelectorAll<HTMLTableRowElement>('tbody tr')];
  const group = box.querySelector<HTMLSelectElement>('[data-filter="group"]')!;
  const text = box.querySelector<HTMLInputElement>('[data-filter="text"]')!;
  const update = (): void => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rows)
      row.hidden =
        (group.value !== '' && row.dataset.group !== group.value) ||
        ![...row.cells].some((cell) => cell.textContent.toLowerCase().includes(wanted));
    box.querySelector('output')!.textContent = `${rows.filter(({ hidden }) => !hidden).length} of ${rows.length}`;
  };
  for (const input of [group, text]) input.addEventListener('input', update);
  update();
}

// ---- the row chosen: the address names it ----

function choose(): void {
  const id = decodeURIComponent(location.hash.slice(1));
  const row = [...document.querySelectorAll<HTMLTableRowElement>('tr[data-id]')].find(
    ({ dataset }) => dataset.id === id,
  );
  if (!row) return;
  for (const other of document.querySelectorAll('tr.now')) other.classList.remove('now');
  row.classList.add('now');
  const section = row.closest('section')!;
  if (row.hidden)
    for (const input of section.querySelectorAll<HTMLInputElement>('[data-filter]')) {
      input.value = '';
      input.dispatchEvent(new Event('input'));
    }
  const [title, page, ...commands] = JSON.parse(row.dataset.source!) as [string, string, ...string[]];
  const name = document.createElement('strong');
  name.textContent = title;
  const lines = commands.map(commandLine);
  if (page !== '') {
    const link = document.createElement('a');
    link.href = page;
    link.textContent = 'Its page';
    lines.push(link);
  }
  const box = section.querySelector<HTMLElement>('.chosen')!;
  box.replaceChildren(name, ...lines);
  if (box.getBoundingClientRect().top < 0 || box.getBoundingClientRect().bottom > innerHeight) box.scrollIntoView();
  const scroll = row.closest('.scroll')!;
  scroll.scrollTop = row.offsetTop - scroll.clientHeight / 2;
}

/** As commandHtml in page-top.ts. */
function commandLine(command: string): HTMLElement {
  const line = document.createElement('div');
  const code = document.createElement('code');
  code.className = 'line';
  for (const [i, word] of `npx percpu-malta ${command}`.split(' ').entries()) {
    const span = document.createElement('span');
    span.textContent = word;
    code.append(i > 0 ? ' ' : '', span);
  }
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy: ${command}`);
  line.append(code, ' ', button);
  return line;
}

window.addEventListener('hashchange', choose);
choose();
