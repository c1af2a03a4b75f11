import { err, ok } from '../errors.ts'
import type { Command } from '../session/session.ts'
import { quoteArgument } from '../wire/number-argument.ts'

/** What our texts are in; the first one is preferred. `i-default` is English for everybody (RFC 2277 §4.5). */
const languages: readonly (readonly [tag: string, description: string])[] = [
  ['en', 'English'],
  ['i-default', 'Default language'],
]

/** LANG. RFC 6856 §3: the language of texts behind +OK and -ERR. */
export const lang: Command = {
  name: 'LANG',
  capabilities: () => ['LANG'],
  authorization: (_session, _state, rest) => answer(rest),
  transaction: (_session, _state, rest) => answer(rest),
}

function answer(rest: Buffer): string {
  const range = rest.toString('latin1').trim().toLowerCase()
  if (range === '') {
    const lines = languages.map(([tag, description]) => `${tag} ${description}\r\n`)
    return `${ok('Language listing follows:')}${lines.join('')}.\r\n`
  }
  // RFC 4647 §3.3.1: a range is a tag or the beginning of one.
  const found = languages.find(([tag]) => range === '*' || tag === range || tag.startsWith(`${range}-`))
  if (found === undefined) return err(`Invalid language: ${quoteArgument(rest)}`)
  return ok(`${found[0]} Texts are in this language.`)
}
