// The scripts and manifests of docs/many-machines, run as their systems would run them: all parts together are the whole sweep.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const docs = path.join(root, 'docs', 'many-machines');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-array-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const SEEDS = '1..3';
const TASKS = 2;
// A boot with one controller and no other work: what is tested is who boots what.
const WRAPPER = `#!/bin/sh
case $1 in sweep) shift; set -- sweep --controllers 1 --jobs 1 "$@" ;; esac
exec "${process.execPath}" "${path.join(root, 'scripts', 'percpu-malta.mjs')}" "$@"
`;

function sh(command: string, env: NodeJS.ProcessEnv = {}): void {
  const PATH = `${folder}${path.delimiter}${process.env.PATH}`;
  const { status, stderr } = spawnSync('sh', ['-c', command], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH, SEEDS, ...env },
  });
  expect({ status, stderr }, command).toEqual({ status: 0, stderr: '' });
}

const text = (file: string): string => fs.readFileSync(path.join(docs, file), 'utf8');
/** The one line of a manifest that sweeps, with /out in this folder. */
const sweepLine = (file: string): string => /^.*(?:exec )?(percpu-malta sweep .*)$/m.exec(text(file))![1]!;

describe.skipIf(process.platform === 'win32')('array jobs', () => {
  beforeAll(() => {
    fs.writeFileSync(path.join(folder, 'percpu-malta'), WRAPPER, { mode: 0o755 });
    sh(`percpu-malta sweep --seeds "$SEEDS" --out whole.ndjson`);
  }, 600_000);

  const env = (i: number): NodeJS.ProcessEnv => ({
    SLURM_ARRAY_TASK_ID: String(i + 5),
    SLURM_ARRAY_TASK_MIN: '5',
    SLURM_ARRAY_TASK_STEP: '1',
    SLURM_ARRAY_TASK_COUNT: String(TASKS),
  });
  const batch = JSON.parse(text('aws-batch.json')) as { containerOverrides: { command: string[] } };

  test.each<[string, string, (i: number) => NodeJS.ProcessEnv]>([
    ['slurm.sh', path.join(docs, 'slurm.sh'), env],
    [
      'kubernetes-job.yaml',
      sweepLine('kubernetes-job.yaml'),
      (i) => ({ JOB_COMPLETION_INDEX: String(i), JOB_COMPLETIONS: String(TASKS) }),
    ],
    [
      'aws-batch.json',
      batch.containerOverrides.command.at(-1)!,
      (i) => ({ AWS_BATCH_JOB_ARRAY_INDEX: String(i), AWS_BATCH_JOB_ARRAY_SIZE: String(TASKS) }),
    ],
    [
      'github.yml',
      sweepLine('github.yml'),
      (i) => ({ STRATEGY_JOB_INDEX: String(i), STRATEGY_JOB_TOTAL: String(TASKS) }),
    ],
  ])(
    '%s',
    (name, command, variables) => {
      const out = path.join(folder, name);
      fs.mkdirSync(out);
      const line = command.startsWith('/') ? `sh "${command}"` : command.replaceAll('/out/', '');
      for (let i = 0; i < TASKS; i++) sh(`cd ${name} && ${line}`, variables(i));
      sh(`cd ${name} && percpu-malta merge part-*.ndjson --out sweep.ndjson`);
      expect(fs.readFileSync(path.join(out, 'sweep.ndjson'), 'utf8')).toBe(
        fs.readFileSync(path.join(folder, 'whole.ndjson'), 'utf8'),
      );
    },
    600_000,
  );

  test('the manifest tells its pods how many there are', () => {
    const manifest = text('kubernetes-job.yaml');
    const [, completions] = /^ {2}completions: (\d+)$/m.exec(manifest)!;
    expect(manifest).toMatch(new RegExp(`name: JOB_COMPLETIONS .*\\n +value: '${completions}'`));
  });
});
