// Colour, for people only: on a terminal, and not when NO_COLOR (no-color.org) or a terminal without colours says otherwise.

const CODES = { red: [31, 39], green: [32, 39], bold: [1, 22] } as const;

export type Style = keyof typeof CODES;

export function hasColor(stream: { isTTY?: boolean } = process.stdout): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}

/** `text` in that style where standard output shows colours, else as it is. */
export function paint(style: Style, text: string): string {
  if (!hasColor()) return text;
  const [on, off] = CODES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}
