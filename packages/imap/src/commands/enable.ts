import type { Extension } from '../session/session.ts'
import type { Parser } from '../wire/parser.ts'
import { command, ok } from './command.ts'

/** What may be enabled here: of others ENABLE says nothing (RFC 5161 §3.1). */
const extensions: ReadonlyMap<string, Extension> = new Map([
  ['CONDSTORE', 'CONDSTORE'],
  ['QRESYNC', 'QRESYNC'],
  ['IMAP4REV2', 'IMAP4rev2'],
  ['UTF8=ACCEPT', 'UTF8=ACCEPT'],
  ['UIDONLY', 'UIDONLY'],
  ['METADATA', 'METADATA'],
  ['METADATA-SERVER', 'METADATA'],
])

function names(p: Parser): readonly string[] {
  const found = [p.sp().keyword()]
  while (p.acceptSp()) found.push(p.keyword())
  return found
}

/** RFC 5161, RFC 9051 §6.3.1; UIDONLY RFC 9586. */
export const enable = command({
  name: 'ENABLE',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  early: ['ENABLE'],
  capabilities: ['UTF8=ACCEPT', 'UIDONLY'],
  args: names,
  run(session, asked) {
    const enabled = new Set<Extension>()
    for (const name of asked) {
      const extension = session.withholds(name) ? undefined : extensions.get(name)
      if (extension === undefined) continue
      session.enable(extension)
      enabled.add(extension)
    }
    session.untagged(['ENABLED', ...enabled].join(' '))
    return ok('Enabled')
  },
})
