/** THREAD and UID THREAD. RFC 5256 §3; REFS: draft-ietf-morg-inthread-01; MODSEQ RFC 7162 §3.1.9. */
import type { KeyTable } from '../order/key-table.ts'
import { pick } from '../order/pick.ts'
import { type Forest, forestOctets } from '../order/thread-forest.ts'
import { threadByReferences, threadByReferencesOnly } from '../order/thread-references.ts'
import { threadBySubject } from '../order/thread-subjects.ts'
import type { SelectedSession } from '../session/session.ts'
import { Turn } from '../session/turn.ts'
import type { Parser } from '../wire/parser.ts'
import { charsetProgram } from '../wire/search-program.ts'
import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, ok } from './command.ts'
import { scopeOf, sequenceNumbers, visible } from './found-messages.ts'
import { askedAgain } from './kept-answers.ts'
import { badCharset, completeProgram, type SearchRequest, searchRequest } from './search-request.ts'

const bareHead = Buffer.from('* THREAD')
const head = Buffer.from('* THREAD ')
const lineEnd = Buffer.from('\r\n')

interface ThreadArgs {
  readonly request: SearchRequest
  readonly algorithm: Algorithm
}

/** Threads the messages in these rows of the table; nodes are their places in `rows`. */
type Algorithm = (
  session: SelectedSession,
  table: KeyTable,
  uids: Uint32Array,
  turn: Turn,
) => Promise<Threads>

interface Threads {
  readonly forest: Forest
  /** UIDs by node. */
  readonly uids: Uint32Array
}

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['ORDEREDSUBJECT', bySubject],
  ['REFERENCES', byReferences],
  ['REFS', byReferencesOnly],
])

export const thread = command({
  name: 'THREAD',
  states: ['selected'],
  numbers: 'uses',
  capabilities: [...algorithms.keys()].map((name) => `THREAD=${name}`),
  args: (p, session): ThreadArgs => {
    const algorithm = threadAlgorithm(p.sp())
    return { algorithm, request: searchRequest(p.sp(), scopeOf(session), charsetProgram) }
  },
  async run(session, { algorithm, request }) {
    const { criteria, usesModSeq } = await completeProgram(session, request, scopeOf(session))
    if (criteria === undefined) return badCharset(request)
    if (usesModSeq) session.enable('CONDSTORE')
    const asked = askedAgain(session, `THREAD ${algorithm.name}`, criteria)
    const known = asked?.known()
    if (known !== undefined) {
      await session.write(known)
      return ok('Thread completed')
    }
    const { store, mailbox, signal, services, numbering } = session
    const turn = new Turn()
    const found = await visible(session, await store.messages.search(mailbox.id, criteria, signal), turn)
    const table = services.keyTables.of(mailbox.id, mailbox.uids.length)
    const { forest, uids } = await algorithm(session, table, found.uids, turn)
    services.keyTables.trim()
    if (session.gone) return ok('Thread completed')
    const numbers = numbering === 'uid' ? uids : await sequenceNumbers(mailbox.uids, uids, turn)
    const text = await forestOctets(forest, numbers, turn)
    // RFC 7162 §3.1.9: never with a MODSEQ.
    const octets = Buffer.concat([text.length === 0 ? bareHead : head, text, lineEnd])
    asked?.keep(octets)
    await session.write(octets)
    return ok('Thread completed')
  },
})

function threadAlgorithm(p: Parser): Algorithm {
  const algorithm = algorithms.get(p.keyword())
  if (algorithm === undefined) throw new SyntaxFault('Unknown thread algorithm')
  return algorithm
}

async function bySubject(
  session: SelectedSession,
  table: KeyTable,
  found: Uint32Array,
  turn: Turn,
): Promise<Threads> {
  const ranks = await table.ranks(['SUBJECT', 'DATE'], requestOf(session))
  const rows = await table.rowsOf(found, turn)
  const ranksOf = (key: 'SUBJECT' | 'DATE') => pick(ranks.get(key)!, rows, new Uint32Array(rows.length), turn)
  const forest = await threadBySubject(await ranksOf('SUBJECT'), await ranksOf('DATE'), turn)
  return { forest, uids: await pick(table.uids, rows, new Uint32Array(rows.length), turn) }
}

async function byReferences(
  session: SelectedSession,
  table: KeyTable,
  found: Uint32Array,
  turn: Turn,
): Promise<Threads> {
  await table.fill(['threads', 'subject'], requestOf(session))
  const { rows, input } = await referencesInput(session, table, found, turn)
  const { values, isReplyOrForward } = table.columns
  const subjects = {
    text: (message: number) => values.SUBJECT[rows[message]!] as string,
    isReplyOrForward: (message: number) => isReplyOrForward[rows[message]!]!,
  }
  const forest = await threadByReferences(input, subjects, turn)
  return { forest, uids: await pick(table.uids, rows, new Uint32Array(rows.length), turn) }
}

async function byReferencesOnly(
  session: SelectedSession,
  table: KeyTable,
  found: Uint32Array,
  turn: Turn,
): Promise<Threads> {
  await table.fill(['threads', 'facts'], requestOf(session))
  const { rows, input } = await referencesInput(session, table, found, turn)
  const arrivals = table.columns.values.ARRIVAL as number[]
  const arrivalsMs = await pick(arrivals, rows, new Float64Array(rows.length), turn)
  const forest = await threadByReferencesOnly(input, arrivalsMs, turn)
  return { forest, uids: await pick(table.uids, rows, new Uint32Array(rows.length), turn) }
}

async function referencesInput(session: SelectedSession, table: KeyTable, found: Uint32Array, turn: Turn) {
  const ranks = await table.ranks(['DATE'], requestOf(session))
  const rows = await table.rowsOf(found, turn)
  const { ownIds, references, idCount } = table.columns
  const input = {
    idCount,
    ownIds: await pick(ownIds, rows, new Int32Array(rows.length), turn),
    references: await pick(references, rows, new Array<Uint32Array>(rows.length), turn),
    dateRanks: await pick(ranks.get('DATE')!, rows, new Uint32Array(rows.length), turn),
  }
  return { rows, input }
}

function requestOf({ store, mailbox, signal }: SelectedSession) {
  return { store, uids: mailbox.uids, signal }
}
