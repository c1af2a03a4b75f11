import type { SearchCriteria } from '@posthorn/storage'
import type { SelectedSession } from '../session/session.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import type { ReturnOptions } from './search-answer.ts'

type InOrder = (uids: Uint32Array) => Promise<Uint32Array>

export interface KeptResult {
  /** In the order of the answer. */
  readonly found: Uint32Array
  readonly criteria: SearchCriteria
  readonly numbering: 'sequence' | 'uid'
  /** undefined for the order of the mailbox; 'refuse': this order cannot be kept. */
  readonly inOrder?: InOrder | 'refuse'
}

/** RFC 5267 §4.3: BAD before anything is done. */
export function refuseUsedTag(session: SelectedSession, options: ReturnOptions | undefined): void {
  if (options?.names.has('UPDATE') && session.contexts.has(session.tag))
    throw new SyntaxFault('Tag is that of a search that is kept up to date')
}

/**
 * RETURN (UPDATE): from now on changes of the result are told with the news. RFC 5267 §4.3.
 */
export function keepUpdated(
  session: SelectedSession,
  options: ReturnOptions | undefined,
  { found, criteria, numbering, inOrder }: KeptResult,
): void {
  if (!options?.names.has('UPDATE')) return
  const { contexts, mailbox, store, tag } = session
  if (contexts.full || inOrder === 'refuse') {
    session.untagged(`NO [NOUPDATE "${tag}"] Too many contexts`)
    return
  }
  contexts.add({
    tag,
    numbering,
    members: found,
    inOrder,
    items: options.updateItems ?? [],
    async matching(uids) {
      const among: SearchCriteria = { kind: 'and', of: [{ kind: 'uids', ranges: pairsOf(uids) }, criteria] }
      return (await store.messages.search(mailbox.id, among)).uids
    },
  })
}

function pairsOf(uids: Uint32Array): (readonly [number, number])[] {
  return Array.from(uids, (uid) => [uid, uid] as const)
}
