import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'

/** RFC 5267 §4.3.5. */
export const cancelUpdate = command({
  name: 'CANCELUPDATE',
  states: ['selected'],
  numbers: 'none',
  args: (p) => {
    const tags = [p.sp().string()]
    while (p.accept(' ')) tags.push(p.string())
    return tags
  },
  run(session, tags) {
    for (const tag of tags) {
      if (!session.contexts.has(tag)) throw new SyntaxFault('No search of this tag is kept up to date')
    }
    for (const tag of tags) session.contexts.cancel(tag)
    return ok('No further updates')
  },
})
