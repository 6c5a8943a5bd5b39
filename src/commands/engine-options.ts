// Which engine runs the guest, and how: the options of every command that runs one.
import { Command } from 'commander';
import { setUpScripts } from './set-up-scripts.js';

/** Before such a command the C hooks are made, where they are wanted and not those of these sources. */
export function addEngineOptions(command: Command): Command {
  return command
    .option('--engine <name>', 'native, unicorn.js or unicorn.js:FILE (default: the first that works)')
    .option('--no-shim', 'do without the compiled hooks')
    .hook('preAction', async () => {
      const { engine = process.env.PERCPU_MALTA_ENGINE, shim } = command.opts<{ engine?: string; shim: boolean }>();
      if (!shim || (engine || 'native') !== 'native') return;
      const { ensureShim } = await setUpScripts();
      const { complete, how } = ensureShim();
      if (!complete) process.stderr.write(`percpu-malta: no C hooks, boots take longer: ${how}\n`);
    });
}
