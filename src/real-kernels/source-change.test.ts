import { describe, expect, it } from 'vitest';
import { withoutFlush } from './source-change.js';

const flush = '\t\tpcpu_post_unmap_tlb_flush(chunk, start, end);\n';
const source = (calls: string): string => `static void pcpu_depopulate_chunk(void)
{
${flush}}

static void pcpu_reclaim_populated(void)
{
	while (chunk) {
${calls}	}
}

static void pcpu_balance_workfn(void)
{
${flush}}
`;

describe('--without-flush', () => {
  it('takes the one call in pcpu_reclaim_populated() out and nothing else', () => {
    expect(withoutFlush(source(flush))).toBe(source('\t\t;\n'));
  });

  it('refuses a source in which that is not one call', () => {
    expect(() => withoutFlush(source(''))).toThrow(/0 times instead of once/);
    expect(() => withoutFlush(source(flush + flush))).toThrow(/2 times instead of once/);
    expect(() => withoutFlush('int main;\n')).toThrow(/no pcpu_reclaim_populated\(\)/);
  });
});
