// Debian packages by apt-get, into folders of our own: no root, nothing installed, the system's lists stay as they are. Where packages
// come from and whether they are genuine is for the system's own sources and keys to say.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import { hasTool, Interrupted, runTool, type StatusLine } from './tool.js';

export class Apt {
  readonly #folder: string;
  readonly #options: readonly string[];
  readonly #status: StatusLine;

  /** @param folder for lists and partial downloads; may be thrown away @param architecture of the packages, or undefined: the system's */
  constructor(folder: string, architecture: string | undefined, status: StatusLine) {
    this.#folder = folder;
    this.#status = status;
    for (const part of ['lists/partial', 'cache/archives/partial'])
      fs.mkdirSync(path.join(folder, part), { recursive: true });
    const settings = [
      `Dir::State::Lists=${path.join(folder, 'lists')}`,
      `Dir::Cache=${path.join(folder, 'cache')}`,
      'Debug::NoLocking=1',
      'APT::Sandbox::User=',
      'Acquire::Languages=none',
      ...(architecture === undefined
        ? []
        : [`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`]),
    ];
    this.#options = settings.flatMap((setting) => ['-o', setting]);
  }

  static available(): boolean {
    return hasTool('apt-get') && hasTool('apt-cache') && hasTool('dpkg-deb');
  }

  /** Fetches the package lists. @throws UsageError when that fails */
  async update(): Promise<void> {
    await this.#get('package lists', ['update']);
  }

  /** What apt-cache says, '' when it knows nothing. */
  #cache(...args: string[]): string {
    const { stdout, signal } = spawnSync('apt-cache', [...this.#options, ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (signal !== null) throw new Interrupted(); // a terminal's Ctrl-C goes to all
    return stdout ?? '';
  }

  /** Packages that `name` depends on; none when there is no such package. */
  dependencies(name: string): string[] {
    return [...this.#cache('depends', '--no-pre-depends', '--important', name).matchAll(/^ +Depends: (\S+)$/gm)].map(
      (match) => match[1]!,
    );
  }

  /** Downloads the package into the folder; the .deb's path. @throws UsageError when that fails */
  async download(name: string): Promise<string> {
    const into = path.join(this.#folder, 'deb');
    fs.rmSync(into, { recursive: true, force: true });
    fs.mkdirSync(into);
    await this.#get(name, ['download', name], into);
    const file = fs.readdirSync(into).find((entry) => entry.endsWith('.deb'));
    if (file === undefined) throw new UsageError(`apt-get download ${name} left no package`);
    return path.join(into, file);
  }

  async #get(what: string, args: readonly string[], cwd = this.#folder): Promise<void> {
    this.#status.show(`fetching ${what}`);
    await runTool('apt-get', ['-q', ...this.#options, '-o', 'APT::Status-Fd=3', ...args], {
      cwd,
      // dlstatus:NUMBER:PERCENT:TEXT
      onStatus: (line) => {
        const [, , percent, text] = line.split(':');
        if (line.startsWith('dlstatus:'))
          this.#status.show(`fetching ${what}: ${Number(percent).toFixed(0)} %  ${text ?? ''}`);
      },
    });
    this.#status.clear();
  }
}
