import { command, ok } from './command.ts'
import { plainListArgs } from './list-args.ts'
import { attributesOf, listNames, parentsOf } from './list-names.ts'
import { MailboxPatterns } from './mailbox-patterns.ts'
import { mailboxText } from './mailbox-text.ts'

/** RFC 3501 §6.3.9. */
export const lsub = command({
  name: 'LSUB',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: plainListArgs,
  async run(session, { reference, pattern }) {
    if (pattern === '') {
      session.untagged('LSUB (\\Noselect) "/" ""')
      return ok('Lsub completed')
    }
    if (pattern === undefined) return ok('Lsub completed')
    const matcher = new MailboxPatterns([reference + pattern])
    const names = await listNames(
      session,
      (name, subscription) => subscription === 'subscribed' && matcher.matches(name),
    )
    // With % a parent stands for subscribed names below it that do not match themselves.
    const standIns = new Set<string>()
    for (const { name, subscribed } of names.values()) {
      if (!subscribed || matcher.matches(name)) continue
      for (const parent of parentsOf(name)) standIns.add(parent)
    }
    for (const entry of names.values()) {
      const { name, subscribed } = entry
      if (!(subscribed || standIns.has(name)) || !matcher.matches(name)) continue
      const attributes = subscribed
        ? attributesOf(entry).filter((attribute) => attribute !== '\\NonExistent')
        : ['\\Noselect']
      session.untagged(`LSUB (${attributes.join(' ')}) "/" ${mailboxText(name, session)}`)
    }
    return ok('Lsub completed')
  },
})
