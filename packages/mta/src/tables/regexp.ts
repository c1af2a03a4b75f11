import { patternTable } from './pattern-table.ts'

/** regexp_table(5): POSIX extended patterns. `x` would switch to basic ones, which nobody uses. */
export const regexp = patternTable({
  flags: { i: 'ignore-case', m: 'multi-line', x: 'refused' },
  dotAll: 'unless-multi-line',
  match: 'longest',
  backtracking: 'none',
  beyondEngines: /\\[1-9]/,
})
