import { patternTable } from './pattern-table.ts'

/** Look-around, back-references, atomic groups, branch reset, recursion, conditions, verbs, possessive quantifiers. */
const perlOnly = /\(\?(?:<?[=!]|[>|(R&+\-\d]|P[>=])|\(\*[A-Z]|(?:[*+?]|\{\d+(?:,\d*)?\})\+|\\[1-9gkKGRXN]/

/** pcre_table(5): in linear time, and under a clock what cannot be matched so. E (dollar at the end only) is what it does anyway. */
export const pcre = patternTable({
  flags: {
    i: 'ignore-case',
    m: 'multi-line',
    s: 'dot-all',
    x: 'extended',
    A: 'anchored',
    E: 'none',
    U: 'ungreedy',
    X: 'none',
  },
  dotAll: 'on',
  match: 'first',
  backtracking: 'watched',
  beyondEngines: perlOnly,
})
