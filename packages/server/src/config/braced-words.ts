/** Words separated by blanks; `{ … }` is one word, with its braces. undefined: a brace is not closed. Postfix: mystrtokq(). */
export function wordsOf(text: string): readonly string[] | undefined {
  const words: string[] = []
  let word = ''
  let depth = 0
  for (const character of text) {
    if (character === '{') depth++
    else if (character === '}' && depth > 0) depth--
    if (depth === 0 && /\s/.test(character)) {
      if (word !== '') words.push(word)
      word = ''
    } else word += character
  }
  if (depth > 0) return undefined
  if (word !== '') words.push(word)
  return words
}
