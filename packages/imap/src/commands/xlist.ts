import type { SpecialUse } from '@posthorn/storage'
import { command, ok } from './command.ts'
import { plainListArgs } from './list-args.ts'
import { attributesOf, listNames } from './list-names.ts'
import { MailboxPatterns } from './mailbox-patterns.ts'
import { mailboxText } from './mailbox-text.ts'

/** Where XLIST has other words than RFC 6154. */
const words: Partial<Record<SpecialUse, string>> = { All: 'AllMail', Junk: 'Spam', Flagged: 'Starred' }

/** Gmail's forerunner of SPECIAL-USE: never announced, answered to those that ask all the same. */
export const xlist = command({
  name: 'XLIST',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  args: plainListArgs,
  async run(session, { reference, pattern }) {
    if (pattern === undefined) return ok('Xlist completed')
    const matcher = new MailboxPatterns([reference + pattern])
    for (const entry of (await listNames(session)).values()) {
      if (!(entry.mailbox !== undefined || entry.hasChildren) || !matcher.matches(entry.name)) continue
      const attributes = attributesOf(entry).map((attribute) => {
        const word = words[attribute.slice(1) as SpecialUse]
        return word === undefined ? attribute : `\\${word}`
      })
      if (entry.name === 'INBOX') attributes.push('\\Inbox')
      session.untagged(`XLIST (${attributes.join(' ')}) "/" ${mailboxText(entry.name, session)}`)
    }
    return ok('Xlist completed')
  },
})
