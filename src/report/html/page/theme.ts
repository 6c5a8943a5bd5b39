// Light or dark: what the system prefers until the button says otherwise.

const dark = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? dark.matches : theme === 'dark';
}

/** Sets up the button. @param changed called whenever the colours have changed */
export function setUpTheme(changed: () => void = () => {}): void {
  const button = document.querySelector<HTMLButtonElement>('#theme')!;
  const label = (): void => {
    button.textContent = isDark() ? 'Light colours' : 'Dark colours';
  };
  const update = (): void => {
    known.clear();
    label();
    changed();
  };
  button.addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    update();
  });
  dark.addEventListener('change', update);
  label();
}

const probe = document.createElement('span');
const known = new Map<string, string>();

/** A colour of the style sheet, as the scheme in use has it. @param name of the custom property, without dashes */
export function color(name: string): string {
  let value = known.get(name);
  if (value === undefined) {
    if (!probe.isConnected) {
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(--${name})`;
    value = getComputedStyle(probe).color;
    known.set(name, value);
  }
  return value;
}
