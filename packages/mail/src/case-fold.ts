/**
 * i;unicode-casemap (RFC 5051): each character's titlecase mapping, then compatibility decomposition, so
 * that text compares and is searched without regard to case and to how accents are composed.
 */
export const foldCase = (text: string): string => {
  // Upper case stands for RFC 5051 §2's titlecase; characters that grow (ß → SS) match both spellings.
  const upper = text.toUpperCase()
  // Decomposition and the order of marks never reach over an ASCII character.
  return upper.replace(/[^\0-\x7f]+/g, foldRun)
}

/** The second step catches letters that decomposition sets free (ﬃ, ㎒). */
const foldRun = (run: string): string => {
  const decomposed = run.normalize('NFKD')
  return decomposed === run ? run : decomposed.toUpperCase().normalize('NFKD')
}
