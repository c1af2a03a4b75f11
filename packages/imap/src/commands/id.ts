import type { Parser } from '../wire/parser.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'
import { quoted } from './mailbox-text.ts'

/** RFC 2971 §3.3. */
const maxFields = 30
const maxNameBytes = 30
const maxValueBytes = 1024

function idFields(p: Parser): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  // Without the NIL, as Dovecot takes it.
  if (!p.acceptSp()) return fields
  if (!p.peek('(')) {
    if (p.nstring() !== undefined) throw new SyntaxFault('Expected NIL or a list of fields')
    return fields
  }
  const texts = p.list(() => idText(p))
  if (texts.length % 2 !== 0) throw new SyntaxFault('Expected pairs of field and value')
  if (texts.length > 2 * maxFields) throw new SyntaxFault(`Expected at most ${maxFields} fields`)
  for (let at = 0; at < texts.length; at += 2) {
    const name = texts[at]
    const value = texts[at + 1]
    if (name === undefined || name.length > maxNameBytes) throw new SyntaxFault('Expected a short field name')
    if (value !== undefined) fields.set(name.toLowerCase(), value.slice(0, maxValueBytes))
  }
  return fields
}

/** Some clients part the fields with commas, or leave the quotes away: not worth an error at the first command. */
function idText(p: Parser): string | undefined {
  const text = p.peek('"') || p.peek('{') ? p.string() : p.astring()
  p.accept(',')
  return text === 'NIL' || text === 'nil' ? undefined : text
}

/** RFC 2971. */
export const id = command({
  name: 'ID',
  states: ['not-authenticated', 'authenticated', 'selected'],
  numbers: 'none',
  early: ['ID'],
  args: idFields,
  run(session, fields) {
    const { idFields: ours, idLog } = session.services.options()
    const said = idLog.filter((name) => fields.has(name)).map((name) => `${name}=${fields.get(name)}`)
    if (said.length > 0) {
      session.services.log({
        level: 'info',
        service: session.state === 'not-authenticated' ? 'imap-login' : 'imap',
        text: `ID sent: ${said.join(', ')}: rip=${session.client.remoteAddress}, session=<${session.id}>`,
        fields: { session: session.id },
      })
    }
    const pairs = Object.entries(ours).map(([name, value]) => `${quoted(name)} ${quoted(value)}`)
    session.untagged(pairs.length === 0 ? 'ID NIL' : `ID (${pairs.join(' ')})`)
    const changed = session.identify(fields) === 'list changed'
    if (changed && session.state !== 'not-authenticated') session.untagged(session.capabilities())
    return ok('ID completed')
  },
})
