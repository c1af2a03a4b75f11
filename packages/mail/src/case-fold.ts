/**
 * i;unicode-casemap (RFC 5051): each character's titlecase mapping, then compatibility decomposition, so
 * that text compares and is searched without regard to case and to how accents are composed.
 */
export const foldCase = (text: string): string => {
  // Upper case stands for RFC 5051 §2's titlecase; characters that grow (ß → SS) match both spellings.
  const upper = text.toUpperCase()
  // Counted natively: the pattern would look at every character.
  if (upper.length >= fewCharacters && Buffer.byteLength(upper) === upper.length) return upper
  // Decomposition and the order of marks never reach over an ASCII character.
  return upper.replace(/[^\0-\x7f]+/g, foldRun)
}

const fewCharacters = 32

/** Short runs come again and again: accented letters within words. */
const knownRuns = new Map<string, string>()
const maxKnownLength = 4
const maxKnownRuns = 4_096

const foldRun = (run: string): string => {
  if (run.length > maxKnownLength) return decompose(run)
  const known = knownRuns.get(run)
  if (known !== undefined) return known
  const folded = decompose(run)
  if (knownRuns.size < maxKnownRuns) knownRuns.set(run, folded)
  return folded
}

/** The second step catches letters that decomposition sets free (ﬃ, ㎒). */
const decompose = (run: string): string => {
  const decomposed = run.normalize('NFKD')
  return decomposed === run ? run : decomposed.toUpperCase().normalize('NFKD')
}
