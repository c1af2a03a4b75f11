/** Names bound to what stood in their place, for the length of a script. */
export type Variables = Map<string, string>

/**
 * Does a line look like a pattern? `...` stands for any text, `$name` for a word: bound where it is met first,
 * compared from then on; `$$` is a dollar. On success new names are bound; on failure nothing is.
 */
export function matchLine(
  pattern: string,
  line: string,
  variables: Variables,
  letters: 'exact' | 'any-case',
): boolean {
  const fresh: string[] = []
  let source = '^'
  for (const part of pattern.split(/(\.\.\.|\$\$|\$[a-z][a-z0-9_]*)/)) {
    if (part === '...') source += '.*?'
    else if (part === '$$') source += '\\$'
    else if (/^\$[a-z]/.test(part)) {
      const name = part.slice(1)
      const bound = variables.get(name)
      if (bound !== undefined) source += quote(bound)
      else if (fresh.includes(name)) source += `\\${fresh.indexOf(name) + 1}`
      else {
        fresh.push(name)
        source += '([^\\s()\\[\\]]+)'
      }
    } else source += quote(part)
  }
  const match = new RegExp(`${source}$`, letters === 'any-case' ? 'is' : 's').exec(line)
  if (match === null) return false
  for (const [i, name] of fresh.entries()) variables.set(name, match[i + 1]!)
  return true
}

/** `$name` → its value, in what a client sends. @throws Error for a name that nothing bound. */
export function fillIn(text: string, variables: Variables): string {
  return text.replace(/\$\$|\$([a-z][a-z0-9_]*)/g, (all, name: string | undefined) => {
    if (name === undefined) return '$'
    const value = variables.get(name)
    if (value === undefined) throw new Error(`${all} is not bound`)
    return value
  })
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
