/**
 * i;unicode-casemap (RFC 5051): each character's titlecase mapping, then compatibility decomposition, so
 * that text compares and is searched without regard to case and to how accents are composed.
 */
export const foldCase = (text: string): string => {
  if (/^[\0-\x7f]*$/.test(text)) return text.toUpperCase()
  // Upper case stands for RFC 5051 §2's titlecase; characters that grow (ß → SS) match both spellings.
  // The second step catches letters that decomposition sets free (ﬃ, ㎒).
  return text.toUpperCase().normalize('NFKD').toUpperCase().normalize('NFKD')
}
