// Buttons that copy the command line in front of them.

/** How long a button says that it has copied, milliseconds. */
const SAID_MS = 1500;

export function setUpCopy(): void {
  document.addEventListener('click', (event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>('button.copy');
    const code = button?.previousElementSibling;
    if (!button || !code) return;
    void copy(code).then((done) => {
      button.textContent = done ? 'Copied' : 'Selected';
      setTimeout(() => (button.textContent = 'Copy'), SAID_MS);
    });
  });
}

/** @returns false where the browser lets pages copy nothing: then the text is selected, to be copied by hand */
async function copy(code: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return false;
  }
}
