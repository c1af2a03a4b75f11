export type Environment = Readonly<Record<string, string | undefined>>

/** `TZ`: as it is given; `NAME=value`: as it stands. Postfix: import_environment, export_environment. */
export function chosenEnvironment(words: readonly string[], given: Environment): Record<string, string> {
  const pairs = words.map((word): readonly [string, string | undefined] => {
    const equals = word.indexOf('=')
    return equals === -1 ? [word, given[word]] : [word.slice(0, equals), word.slice(equals + 1)]
  })
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined))
}
