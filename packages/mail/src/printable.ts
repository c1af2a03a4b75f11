/**
 * Strangers' text in one line of a header, report or reply: control characters become blanks, the rest stays;
 * longer text is cut.
 */
export const printable = (text: string, maxLength = 900): string => {
  const clean = text
    .toWellFormed()
    .replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
    .trim()
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength - 3)}...`
}

/** As `printable`, what is not US-ASCII becomes `?`. */
export const printableAscii = (text: string, maxLength = 900): string =>
  printable(text, maxLength).replace(/[^\x20-\x7e]/g, '?')
