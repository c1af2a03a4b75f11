import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'

/** RFC 5267 §4.3.5. */
export const cancelUpdate = command({
  name: 'CANCELUPDATE',
  states: ['selected'],
  numbers: 'none',
  args: (p) => {
    const tags = [p.sp().string()]
    while (p.acceptSp()) tags.push(p.string())
    return tags
  },
  run(session, tags) {
    const unknown = tags.filter((tag) => !session.contexts.cancel(tag))
    if (unknown.length > 0) throw new SyntaxFault('No search of this tag is kept up to date')
    return ok('No further updates')
  },
})

/** Whether a line of what waits is a CANCELUPDATE that names this tag: the search need not go on. */
export function cancelsUpdate(input: Buffer, tag: string): boolean {
  if (input.length < 'a CANCELUPDATE'.length) return false
  for (const line of input.toString('latin1').split('\n')) {
    const at = line.indexOf(' ') + 1
    if (line.slice(at, at + 13).toUpperCase() === 'CANCELUPDATE ' && line.includes(`"${tag}"`, at))
      return true
  }
  return false
}
