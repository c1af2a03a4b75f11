/** Which mailboxes are meant. RFC 5465 §6, RFC 7377 §2.2. */
import type { Parser } from './parser.ts'
import { SyntaxFault } from './syntax-fault.ts'

export type MailboxSource =
  | { readonly kind: 'selected' | 'inboxes' | 'personal' | 'subscribed' }
  | { readonly kind: 'subtree' | 'subtree-one' | 'mailboxes'; readonly names: readonly string[] }

/** RFC 7377 §2.4: so many names are given at most. */
const maxSources = 1000

/** After `IN SP`: `(personal subtree ("a" "b"))`. */
export function mailboxSources(p: Parser): readonly MailboxSource[] {
  const sources: MailboxSource[] = []
  let names = 0
  p.nonEmptyList(() => {
    // Scope options: none is defined.
    if (p.peek('(')) throw new SyntaxFault('Unknown scope option')
    const source = mailboxSource(p)
    if ('names' in source) names += source.names.length
    if (names > maxSources) throw new SyntaxFault('Too many mailboxes are named')
    sources.push(source)
  })
  return sources
}

function mailboxSource(p: Parser): MailboxSource {
  const name = p.keyword()
  switch (name) {
    case 'SELECTED':
      return { kind: 'selected' }
    case 'INBOXES':
      return { kind: 'inboxes' }
    case 'PERSONAL':
      return { kind: 'personal' }
    case 'SUBSCRIBED':
      return { kind: 'subscribed' }
    case 'SUBTREE':
      return { kind: 'subtree', names: mailboxNames(p) }
    case 'SUBTREE-ONE':
      return { kind: 'subtree-one', names: mailboxNames(p) }
    case 'MAILBOXES':
      return { kind: 'mailboxes', names: mailboxNames(p) }
    default:
      throw new SyntaxFault('Unknown kind of mailboxes')
  }
}

/** Whether a mailbox is meant by `subtree`, or by `subtree-one`, of one of `tops`. RFC 7377 §2.2. */
export function isWithin(kind: 'subtree' | 'subtree-one', tops: readonly string[], name: string): boolean {
  return tops.some(
    (top) =>
      name === top ||
      (name.startsWith(`${top}/`) && (kind === 'subtree' || !name.includes('/', top.length + 1))),
  )
}

/** SP one-or-more-mailbox. RFC 5465 §8. */
export function mailboxNames(p: Parser): readonly string[] {
  p.sp()
  return p.peek('(') ? p.nonEmptyList(() => p.mailbox()) : [p.mailbox()]
}
