/** SEARCH and UID SEARCH. RFC 9051 §6.4.4, ESEARCH RFC 4731, saved results RFC 5182, MODSEQ RFC 7162 §3.1.5,
 * CONTEXT RFC 5267. */
import { Turn } from '../session/turn.ts'
import { searchProgram } from '../wire/search-program.ts'
import { command, ok } from './command.ts'
import { scopeOf, visible } from './found-messages.ts'
import { keepUpdated, refuseUsedTag } from './keep-updated.ts'
import { askedAgain } from './kept-answers.ts'
import {
  answerAgain,
  answerExtended,
  answerForm,
  plainAnswer,
  type ReturnOptions,
  refuseRelevancy,
  returnAll,
  returnOptions,
} from './search-answer.ts'
import { badCharset, completeProgram, type SearchRequest, searchRequest } from './search-request.ts'

interface SearchArgs {
  readonly request: SearchRequest
  /** undefined: no RETURN was given. */
  readonly options: ReturnOptions | undefined
}

export const search = command({
  name: 'SEARCH',
  states: ['selected'],
  numbers: 'uses',
  // INPROGRESS: RFC 9585.
  capabilities: [
    'INPROGRESS',
    'ESEARCH',
    'SEARCHRES',
    'WITHIN',
    'PARTIAL',
    'CONTEXT=SEARCH',
    'SEARCH=FUZZY',
    'FILTERS',
    'I18NLEVEL=1',
  ],
  args: (p, session): SearchArgs => {
    const options = returnOptions(p.sp())
    const charset = session.enabled('UTF8=ACCEPT') ? 'no charset' : 'charset'
    const request = searchRequest(p, scopeOf(session), (from, scope) => searchProgram(from, scope, charset))
    return { options, request }
  },
  async run(session, { options, request }) {
    refuseUsedTag(session, options)
    const { criteria, usesModSeq, usesFuzzy } = await completeProgram(session, request, scopeOf(session))
    refuseRelevancy(options, usesFuzzy)
    // A search that fails leaves nothing saved (RFC 5182 §2.1).
    if (options?.names.has('SAVE')) session.mailbox.saved = new Uint32Array(0)
    if (criteria === undefined) return badCharset(request)
    if (usesModSeq) session.enable('CONDSTORE')
    // RFC 9051 §7.3.4: ESEARCH without RETURN, too.
    const wanted = options ?? (session.enabled('IMAP4rev2') ? returnAll : undefined)
    const form = answerForm(wanted, usesModSeq)
    const asked = form === undefined ? undefined : askedAgain(session, `SEARCH ${form}`, criteria)
    const known = asked?.known()
    if (known !== undefined) {
      await answerAgain(session, known, wanted)
      return ok('Search completed')
    }
    const { store, mailbox, signal } = session
    const turn = new Turn()
    const found = await visible(session, await store.messages.search(mailbox.id, criteria, signal), turn)
    if (session.gone) return ok('Search completed')
    if (wanted !== undefined) {
      const octets = await answerExtended(session, found, wanted, usesModSeq)
      asked?.keep(octets)
    } else {
      const octets = await plainAnswer('SEARCH', found, usesModSeq, turn)
      asked?.keep(octets)
      await session.write(octets)
    }
    keepUpdated(session, options, { found: found.uids, criteria, numbering: session.numbering })
    return ok('Search completed')
  },
})
